"""llama.cpp's server, Claude's dialect (xllamacpp 2026.10.11549): a stream has no `message_start` (and with one token no text) where the
first token is not a whole letter: what it holds back of UTF-8 is taken for the first piece. The model has to have tokens of single bytes,
as most have; a random one shows it in some twentieth of the questions, and for each question always or never. Give the address of the
server and its key.
"""

from asking import ask

QUESTIONS = 200


def events(question: str, most: int) -> list[str]:
    body = {"model": "tiny", "max_tokens": most, "temperature": 0, "stream": True, "messages": [{"role": "user", "content": question}]}
    return [line.removeprefix("event: ") for line in ask("POST", "/v1/messages", body)[1].splitlines() if line.startswith("event: ")]


for most in (1, 2, 32):
    streams = [(question, events(question, most)) for question in (f"Say something ({number})." for number in range(QUESTIONS))]
    without = [(question, names) for question, names in streams if names[:1] != ["message_start"]]
    print(f"max_tokens {most}: {len(without)} of {QUESTIONS} streams do not begin with message_start")
    for question, names in without[:1]:
        again = "again so" if events(question, most) == names else "another time not so"
        print(f"  {question!r}: {', '.join(names[:3])} …, {again}")
