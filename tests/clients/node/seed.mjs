// Plays Palantir's documented TypeScript example. ORIGIN and TOKEN come from the environment.
import { createPlatformClient } from "@osdk/client";

import openAiResponses from "./seed_example.ts";

const { ORIGIN, TOKEN } = process.env;
console.log(JSON.stringify({ text: await openAiResponses(createPlatformClient(ORIGIN, async () => TOKEN), "Hello, world") }));
