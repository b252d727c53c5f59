// aimock, a mock of many APIs: PORT FOLDER. Its answers are made of the question, so that they differ: nothing that is said is a model's.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const { LLMock } = await import(pathToFileURL(`${process.env.ASSAY_PEER_PACKAGE}/dist/index.js`));

const METALS = ["gold", "silver", "lead", "copper", "tin", "iron", "zinc", "mercury"];
const text = (content) => (typeof content === "string" ? content : JSON.stringify(content ?? ""));
const words = (question) => [...createHash("sha256").update(question).digest()].slice(0, 24).map((byte) => METALS[byte % METALS.length]).join(" ");

/** The first value that a schema allows, of each property. */
function filled(schema) {
  const fields = Object.entries(schema?.properties ?? {});
  return Object.fromEntries(fields.map(([name, its]) => [name, its.enum ? its.enum[0] : its.type === "boolean" ? true : its.type === "integer" ? 1 : "gold"]));
}

function answer(request) {
  const tool = request.tools?.[0]?.function;
  if (tool) return { toolCalls: [{ name: tool.name, arguments: JSON.stringify(filled(tool.parameters)) }] };
  const schema = request.response_format?.json_schema?.schema;
  if (schema) return { content: JSON.stringify(filled(schema)) };
  return { content: words(text(request.messages?.at(-1)?.content)) };
}

const mock = new LLMock({ host: "127.0.0.1", port: Number(process.argv[2]) });
mock.on({ model: "tiny", endpoint: "chat" }, answer);
await mock.start();
console.log(mock.url);
