/**
 * `npm run test:scim [-- --tool PATH]` runs `scim2-tester` against the production bundle in workerd. The tool is not part of this repository: install
 * it with `pip install scim2-cli==0.6.0 scim2-tester==0.5.2` in an environment of Python, and name its `scim2` here or have it on the path
 * (identity-facts C-60). Without the tool nothing is tested, and the command says so.
 */
import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { built } from "./servers.ts";

const { values } = parseArgs({ options: { tool: { type: "string", default: "scim2" } } });

if (spawnSync(values.tool, ["--help"]).error) {
  console.log(`SKIPPED: there is no ${values.tool}, so SCIM was not tested with it.`);
  process.exit(0);
}
const server = await built({ SCIM_REQUESTS: "off" });
try {
  const answer = await fetch(`${server.url}/api/orgs/acme/scim/tokens`, {
    method: "POST",
    headers: { Authorization: `token ${server.admin}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: "tester" }),
  });
  const { tokenValue } = (await answer.json()) as { tokenValue: string };
  // The variable keeps the token out of the list of processes.
  const env = { ...process.env, SCIM_CLI_HEADERS: `Authorization: Bearer ${tokenValue}` };
  // The server runs in this process, so it must not wait for the tool.
  const tool = spawn(values.tool, ["-u", `${server.url}/scim/v2/acme`, "test"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const report = await text(tool.stdout);
  console.log(report);
  const count = (result: string) => report.split("\n").filter((line) => line.startsWith(`${result} `)).length;
  const failed = count("ERROR") + count("CRITICAL");
  console.log(
    `${count("SUCCESS")} checks passed, ${failed} failed, ${count("SKIPPED")} skipped: the tool skips what a server does not offer.`,
  );
  // The tool's own exit status is 1 for a skipped check too.
  process.exitCode = failed > 0 || count("SUCCESS") === 0 ? 1 : 0;
} finally {
  await server.stop();
}
