import { defineConfig } from "vitest/config";
import { shared } from "./vitest.shared.ts";

/** The operator's and the developer's scripts, as processes. Nothing of Cloudflare is reached: where wrangler would, a stub answers. */
export default defineConfig({
  test: {
    ...shared,
    name: "scripts",
    environment: "node",
    include: ["test/scripts/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
