import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

/**
 * `npm run bench:lists`: the lists in workerd, over a database that is filled first. These are measurements, so they are not a part of the
 * tests.
 */
export default defineConfig(async (env) => {
  const config = await base(env);
  return { ...config, test: { ...config.test, include: ["test/bench/*.bench.ts"], silent: false, testTimeout: 3_600_000 } };
});
