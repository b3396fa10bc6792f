// Vercel AI SDK: its Responses model, and its chat model with embeddings.
// Unless it is told store: false, the first sends reasoning back by the id it believes to be stored.
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { API, BASE_URL, EMBEDDINGS, TOKEN, MODEL, TELL_STORE } = process.env;
const openai = createOpenAI({ baseURL: BASE_URL, apiKey: TOKEN });
const told = TELL_STORE === "no" ? {} : { store: false, include: ["reasoning.encrypted_content"] };
const settings =
  API === "chat"
    ? { model: openai.chat(MODEL), maxRetries: 0 }
    : { model: openai.responses(MODEL), providerOptions: { openai: told }, maxRetries: 0 };

const question = (await generateText({ ...settings, prompt: "Hi" })).text;
const streamed = streamText({ ...settings, prompt: "Hi" });
const chunks = await Array.fromAsync(streamed.textStream);
const usage = (await streamed.usage).totalTokens ? 1 : 0;
const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async () => "snow",
});
try {
  const asked = { prompt: "How is the weather in Bern?", tools: { weather }, stopWhen: stepCountIs(3) };
  const answer = (await generateText({ ...settings, ...asked })).text;
  const answers = { question, stream: chunks.join(""), pieces: chunks.length, usage, tool: answer };
  if (API === "chat") {
    const values = ["a", "b"];
    const made = await embedMany({ model: openai.embedding(EMBEDDINGS), values, maxRetries: 0 });
    answers.embeddings = made.embeddings.map((one) => one.length);
  }
  console.log(JSON.stringify(answers));
} catch (error) {
  console.log(JSON.stringify({ question, stream: chunks.join(""), pieces: chunks.length, refused: error.message }));
}
