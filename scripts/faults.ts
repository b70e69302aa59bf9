/**
 * `npm run test:faults [-- --kills N --lanes N --races N --audit-kills N --seed N]`: the real CLI against servers that are killed, and
 * against itself; and servers that are killed while their queue holds audit events. The seed that a run prints makes the same choices again; the machine's own timing it cannot repeat.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { env, root } from "./wrangler.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    lanes: { type: "string", default: "4" },
    races: { type: "string", default: "200" },
    "audit-kills": { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const tests = {
  "test/cli/kills.test.ts": values.kills,
  "test/cli/races.test.ts": values.races,
  "test/cli/auditKills.test.ts": values["audit-kills"],
};
const files = Object.entries(tests).flatMap(([file, count]) => (count === "0" ? [] : [file]));
const { status } = spawnSync(
  join(root, "node_modules/.bin/vitest"),
  ["run", "--config", "vitest.cli.config.ts", "--maxWorkers=1", ...files],
  {
    cwd: root,
    env: { ...env, KILLS: values.kills, LANES: values.lanes, RACES: values.races, AUDIT_KILLS: values["audit-kills"], SEED: values.seed },
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
