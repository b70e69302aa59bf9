/** `serve.ts <bundle> <directory> <port> [NAME=VALUE …]`: the built Worker in a process of its own, for tests that kill it. */
import { startBuilt } from "../../../scripts/built.ts";

const [bundled, directory, port, ...vars] = process.argv.slice(2);
const { cron } = await startBuilt(
  bundled!,
  directory!,
  Number(port),
  Object.fromEntries(vars.map((setting) => setting.split("=") as [string, string])),
);
console.log("ready");
// The tests that started it have ended.
process.once("disconnect", () => process.exit());
/** A message contains the time for which the cron runs. */
process.on("message", (at) => void cron(new Date(Number(at))).then(() => process.send?.("done")));
