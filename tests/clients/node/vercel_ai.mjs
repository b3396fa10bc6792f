// Vercel AI SDK. Unless it is told store: false, it sends reasoning back by the id it believes to be stored.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { BASE_URL, TOKEN, MODEL, TELL_STORE } = process.env;
const settings = {
  model: createOpenAI({ baseURL: BASE_URL, apiKey: TOKEN }).responses(MODEL),
  providerOptions: { openai: TELL_STORE === "no" ? {} : { store: false, include: ["reasoning.encrypted_content"] } },
  maxRetries: 0,
};

const question = (await generateText({ ...settings, prompt: "Hi" })).text;
const chunks = await Array.fromAsync(streamText({ ...settings, prompt: "Hi" }).textStream);
const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async () => "snow",
});
try {
  const asked = { prompt: "How is the weather in Bern?", tools: { weather }, stopWhen: stepCountIs(3) };
  const answer = (await generateText({ ...settings, ...asked })).text;
  console.log(JSON.stringify({ question, stream: chunks.join(""), pieces: chunks.length, tool: answer }));
} catch (error) {
  console.log(JSON.stringify({ question, stream: chunks.join(""), pieces: chunks.length, refused: error.message }));
}
