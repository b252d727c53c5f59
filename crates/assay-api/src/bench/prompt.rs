use serde::{Deserialize, Serialize};

use super::draws::Draws;
use crate::chat::{Chat, Role};

/// Short English words, most of them one token of any vocabulary.
const WORDS: [&str; 64] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world",
    "school", "state", "family", "student", "group", "country", "problem", "hand", "part", "place",
    "case", "week", "company", "system", "program", "question", "work", "night", "point", "home",
    "water", "room", "mother", "area", "money", "story", "fact", "month", "lot", "right", "study",
    "book", "eye", "job", "word", "business", "issue", "side", "kind", "head", "house", "service",
    "friend", "father", "power", "hour", "game", "line", "end", "member", "law", "car", "city",
];

/// What asks for a long answer, so that the limit of tokens ends it.
const LAST: &str = "Now count from one as far as you can.";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Words of each question, those at its beginning that all share among them; a line that asks for a long answer stands behind them.
    pub words: u32,
    /// Words at the beginning that all questions share: what a cache of prefixes finds again.
    pub shared: u32,
    /// Tokens of each answer at most.
    pub max_tokens: u32,
}

impl Prompts {
    /// The question of a number: another one for each number and seed, from the first word behind what is shared.
    #[must_use]
    pub fn chat(&self, seed: u64, number: u64) -> Chat {
        let shared = self.shared.min(self.words);
        let mut own = Draws::new(seed, number.wrapping_add(1));
        let mut words = drawn(Draws::new(seed, 0), shared);
        if shared < self.words {
            words.push(format!("{:x}", own.word()));
            words.extend(drawn(own, self.words - shared - 1));
        }
        words.push(LAST.into());
        Chat {
            messages: vec![(Role::User, words.join(" "))],
            max_tokens: Some(self.max_tokens),
            temperature: Some(0.0),
            stream: true,
            ..Chat::default()
        }
    }
}

fn drawn(mut draws: Draws, count: u32) -> Vec<String> {
    let word = |_| WORDS[(draws.word() >> 58) as usize].to_owned();
    (0..count).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPTS: Prompts = Prompts {
        words: 40,
        shared: 0,
        max_tokens: 8,
    };

    fn words(prompts: Prompts, seed: u64, number: u64) -> Vec<String> {
        let text = prompts.chat(seed, number).messages[0].1.clone();
        let text = text.strip_suffix(LAST).expect("the line at the end");
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn questions_have_their_length_and_differ_from_their_first_word() {
        let mut firsts: Vec<String> = (0..100)
            .map(|number| {
                let words = words(PROMPTS, 7, number);
                assert_eq!(words.len(), 40);
                words[0].clone()
            })
            .collect();
        firsts.sort();
        firsts.dedup();
        assert_eq!(firsts.len(), 100);
        assert_eq!(words(PROMPTS, 7, 3), words(PROMPTS, 7, 3));
        assert_ne!(words(PROMPTS, 7, 3), words(PROMPTS, 8, 3));
    }

    #[test]
    fn a_prefix_is_shared_as_far_as_it_is_said() {
        let shared = Prompts {
            shared: 30,
            ..PROMPTS
        };
        let (one, other) = (words(shared, 7, 1), words(shared, 7, 2));
        assert_eq!(one[..30], other[..30]);
        assert_ne!(one[30], other[30]);
        assert_eq!(one.len(), 40);
        let all = Prompts {
            shared: 40,
            ..PROMPTS
        };
        assert_eq!(words(all, 7, 1), words(all, 7, 2));
    }
}
