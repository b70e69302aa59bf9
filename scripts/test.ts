/** `npm test`: every suite, one after the other, and a summary that says what ran. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { env, root } from "./wrangler.ts";

const vitest = join(root, "node_modules/.bin/vitest");
const suites = [
  { name: "checks", command: [process.execPath, "scripts/check.ts"] },
  { name: "unit and API, in workerd", command: [vitest, "run"] },
  { name: "raw bytes on a socket", command: [vitest, "run", "--config", "vitest.socket.config.ts"] },
  { name: "the Pulumi CLI", command: [vitest, "run", "--config", "vitest.cli.config.ts"] },
  { name: "the console, in a browser", command: [vitest, "run", "--config", "vitest.console.config.ts"] },
];

const results = suites.map(({ name, command: [bin, ...args] }) => {
  console.log(`\n=== ${name}`);
  const started = Date.now();
  const { status } = spawnSync(bin!, args, { cwd: root, env, stdio: "inherit" });
  return { name, passed: status === 0, seconds: Math.round((Date.now() - started) / 1000) };
});

console.log("\n=== summary");
for (const { name, passed, seconds } of results) console.log(`${passed ? "ok  " : "FAIL"}  ${name} (${seconds} s)`);
const failed = results.filter((result) => !result.passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
