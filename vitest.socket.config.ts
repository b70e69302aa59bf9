import { defineConfig } from "vitest/config";
import { shared } from "./vitest.shared.ts";

/** Raw bytes against the built Worker over a real socket: what a client in workerd cannot send. */
export default defineConfig({
  test: {
    ...shared,
    name: "socket",
    environment: "node",
    include: ["test/socket/*.test.ts"],
    globalSetup: ["./test/socket/support/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
