// One call of openai-node to chat completions, embeddings or the models; prints what it gave or threw as one line of JSON.
// The argument: {"over": "openai" | "osdk" | "language-models", "how": "create" | "stream" | "parse" | "tools" | "embeddings" | "models"}
import { createPlatformClient } from "@osdk/client";
import { createFetch, getFoundryToken, getOpenAiBaseUrl } from "@osdk/language-models";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const { ORIGIN, TOKEN, MODEL, EMBEDDINGS } = process.env;
const { over, how } = JSON.parse(process.argv[2]);
const PATH = "api/v2/llm/proxy/openai/v1";

async function clientOver(kind) {
  if (kind === "openai") return new OpenAI({ apiKey: TOKEN, baseURL: `${ORIGIN}/${PATH}`, maxRetries: 0 });
  const platform = createPlatformClient(ORIGIN, async () => TOKEN);
  if (kind === "language-models") {
    const apiKey = await getFoundryToken(platform);
    return new OpenAI({ apiKey, baseURL: getOpenAiBaseUrl(platform), fetch: createFetch(platform), maxRetries: 0 });
  }
  return new OpenAI({ apiKey: TOKEN, baseURL: `${platform.baseUrl}/${PATH}`, fetch: platform.fetch, maxRetries: 0 });
}

const messages = [{ role: "user", content: "Hi" }];
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools = [{ type: "function", function: { name: "weather", parameters: city, strict: true } }];

const ways = {
  async create({ chat }) {
    return { text: (await chat.completions.create({ model: MODEL, messages })).choices[0].message.content };
  },
  async stream({ chat }) {
    let text = "";
    let usage = 0;
    for await (const chunk of await chat.completions.create({ model: MODEL, messages, stream: true })) {
      text += chunk.choices[0].delta.content ?? "";
      if (chunk.usage) usage += 1;
    }
    return { text, usage };
  },
  async parse({ chat }) {
    const format = zodResponseFormat(z.object({ name: z.string(), age: z.number().nullable() }), "person");
    const first = await chat.completions.parse({ model: MODEL, messages, response_format: format });
    const said = first.choices[0].message;
    await chat.completions.create({ model: MODEL, messages: [...messages, said, ...messages] });
    return { parsed: said.parsed };
  },
  async tools({ chat }) {
    const said = (await chat.completions.create({ model: MODEL, messages, tools })).choices[0].message;
    const answer = { role: "tool", tool_call_id: said.tool_calls[0].id, content: "snow" };
    const second = await chat.completions.create({ model: MODEL, messages: [...messages, said, answer], tools });
    return { text: second.choices[0].message.content };
  },
  async embeddings({ embeddings }) {
    return { lengths: (await embeddings.create({ model: EMBEDDINGS, input: ["a", "b"] })).data.map((one) => one.embedding.length) };
  },
  async models({ models }) {
    return { ids: (await models.list()).data.map((one) => one.id) };
  },
};

let outcome;
try {
  outcome = await ways[how](await clientOver(over));
} catch (error) {
  outcome = { error: { class: error.constructor.name, code: error.code, message: error.message } };
}
console.log(JSON.stringify(outcome));
