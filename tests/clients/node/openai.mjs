// One call of openai-node, by itself or over Palantir's fetch; prints what it gave or threw as one line of JSON.
// The argument: {"over": "openai" | "osdk", "how": "create" | "stream" | "parse" | "tools", "asked": {…}}
import { createPlatformClient } from "@osdk/client";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const { ORIGIN, TOKEN, MODEL } = process.env;
const { over, how, asked } = JSON.parse(process.argv[2]);
const PATH = "api/v2/llm/proxy/openai/v1";

function clientOver(kind) {
  if (kind === "openai") return new OpenAI({ apiKey: TOKEN, baseURL: `${ORIGIN}/${PATH}`, maxRetries: 0 });
  const platform = createPlatformClient(ORIGIN, async () => TOKEN);
  return new OpenAI({ apiKey: TOKEN, baseURL: `${platform.baseUrl}/${PATH}`, fetch: platform.fetch, maxRetries: 0 });
}

const weather = {
  type: "function",
  name: "weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: true,
};

const ways = {
  async create(responses, body) {
    return { text: (await responses.create(body)).output_text };
  },
  async stream(responses, body) {
    const events = [];
    try {
      for await (const event of await responses.create({ ...body, stream: true })) events.push(event.type);
    } catch (error) {
      error.events = events;
      throw error;
    }
    return { events };
  },
  async parse(responses, body) {
    const format = zodTextFormat(z.object({ name: z.string(), age: z.number().nullable() }), "person");
    return { parsed: (await responses.parse({ ...body, text: { format } })).output_parsed };
  },
  async tools(responses, body) {
    const input = [{ role: "user", content: "How is the weather in Bern?" }];
    const first = await responses.create({ ...body, input, tools: [weather] });
    input.push(...first.output);
    for (const item of first.output) {
      if (item.type === "function_call") input.push({ type: "function_call_output", call_id: item.call_id, output: "snow" });
    }
    return { text: (await responses.create({ ...body, input, tools: [weather] })).output_text };
  },
};

let outcome;
try {
  outcome = await ways[how](clientOver(over).responses, { model: MODEL, input: "Hi", ...asked });
} catch (error) {
  const { status, code, param, requestID, message, events, cause } = error;
  // Palantir's fetch throws its own error inside, which openai-node takes for a broken connection.
  const { errorName, errorCode, errorInstanceId, statusCode } = cause ?? {};
  outcome = {
    error: { class: error.constructor.name, status, code, param, requestID, message, events },
    cause: cause && {
      class: cause.constructor.name, errorName, errorCode, errorInstanceId, statusCode,
      message: cause.message, code: cause.cause?.code,
    },
  };
}
console.log(JSON.stringify(outcome));
