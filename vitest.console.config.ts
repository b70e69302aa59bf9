import { defineConfig } from "vitest/config";
import { findChromium } from "./test/console/browser/support/findChromium.ts";
import { shared } from "./vitest.shared.ts";

/** The suite that drives the console in headless Chromium, against a local server. Without a browser there is nothing to test. */
if (!findChromium()) {
  console.log("test:console skipped: no Chromium in CHROMIUM, or as chromium, chromium-browser or google-chrome in PATH");
  process.exit(0);
}

export default defineConfig({
  test: {
    ...shared,
    name: "console",
    environment: "node",
    include: ["test/console/browser/*.test.ts"],
    globalSetup: ["./test/console/browser/support/setup.ts"],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
