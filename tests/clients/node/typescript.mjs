// Lets Node run TypeScript as a compiler would leave it: Node itself keeps imports of types, which do not exist.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

import { transformSync } from "esbuild";

registerHooks({
  load(url, context, next) {
    if (!url.endsWith(".ts")) return next(url, context);
    const { code } = transformSync(readFileSync(fileURLToPath(url), "utf8"), { loader: "ts" });
    return { format: "module", shortCircuit: true, source: code };
  },
});
