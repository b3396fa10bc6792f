// Many calls of openai-node in one process, eight at a time; prints what each saw as one line of JSON.
// Standard input: [{"name": …, "token": …, "api": …, "body": {…}}, …]
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const { BASE_URL, HEADER } = process.env;
const jobs = JSON.parse(readFileSync(0, "utf8"));
const seen = {};

async function play({ name, token, api, body }) {
  const client = new OpenAI({ apiKey: token, baseURL: BASE_URL, maxRetries: 0 });
  const apis = { responses: client.responses, chat_completions: client.chat.completions, embeddings: client.embeddings };
  try {
    const answer = await apis[api].create(body, { headers: { [HEADER]: name } });
    if (body.stream) for await (const _ of answer);
    return { status: 200, code: null };
  } catch (error) {
    return { status: error.status ?? 200, code: error.code ?? null, error: error.constructor.name };
  }
}

async function worker() {
  for (let job; (job = jobs.shift()); ) seen[job.name] = await play(job);
}

await Promise.all(Array.from({ length: 8 }, worker));
console.log(JSON.stringify(seen));
