import OpenAi from "openai";
import { PlatformClient } from "@osdk/client";

export default async function openAiResponses(
  platformClient: PlatformClient,
  prompt: string
): Promise<string> {
  // The PlatformClient fetch function will automatically propagate attribution
  // and tracing headers
  const client = new OpenAi({
    apiKey: await platformClient.tokenProvider(),
    baseURL: platformClient.baseUrl + "/api/v2/llm/proxy/openai/v1",
    fetch: platformClient.fetch,
  });

  const response = await client.responses.create({
    model: "ri.language-model-service..language-model.gpt-5-2",
    input: prompt,
  });

  return response.output[0].content[0].text;
}
