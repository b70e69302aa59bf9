import { defineConfig } from "vitest/config";
import { failureTexts } from "./test/support/failureTexts.ts";

/** The operator's and the developer's scripts, as processes. Nothing of Cloudflare is reached: where wrangler would, a stub answers. */
export default defineConfig({
  test: {
    name: "scripts",
    environment: "node",
    chaiConfig: failureTexts,
    include: ["test/scripts/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
