import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { findCli } from "../../test/cli/support/findCli.ts";
import { findChromium } from "../../test/console/browser/support/findChromium.ts";

/** One process with tests. The runner starts the suites in the order of the list, two at a time. */
export interface Suite {
  name: string;
  /** The script that node runs, and its arguments. */
  command: string[];
  /** The suite is a run of vitest, which writes a report of its tests; otherwise it prints a line for each check. */
  reports: boolean;
  env?: Record<string, string>;
  /** Why the suite cannot run on this machine. */
  missing?: string | undefined;
}

const vitest = (name: string, config: string, more: Partial<Suite> & { args?: string[] } = {}): Suite => ({
  name,
  command: ["node_modules/vitest/vitest.mjs", "run", "--config", config, ...(more.args ?? [])],
  reports: true,
  env: more.env ?? {},
  missing: more.missing,
});

const noCli = findCli() ? undefined : "there is no pulumi CLI in PULUMI_CLI, PATH or ~/.pulumi/bin";
const noBrowser = findChromium()
  ? undefined
  : "there is no Chromium in CHROMIUM, or as chromium, chromium-browser or google-chrome in PATH";

/** The longest suites come first, so that a short one ends last. */
export const suites = (long: boolean): Suite[] => [
  vitest("the Pulumi CLI", "vitest.cli.config.ts", { missing: noCli }),
  ...(long ? otherReleases() : []),
  vitest("unit and API in workerd, 1 of 2", "vitest.config.ts", { args: ["--shard=1/2"] }),
  vitest("unit and API in workerd, 2 of 2", "vitest.config.ts", { args: ["--shard=2/2"] }),
  vitest("the console, in a browser", "vitest.console.config.ts", { missing: noBrowser }),
  { name: "checks", command: ["scripts/check.ts"], reports: false },
  vitest("the scripts", "vitest.scripts.config.ts"),
  vitest("raw bytes on a socket", "vitest.socket.config.ts"),
];

/** Other releases of the CLI, from `PULUMI_CLIS` or `~/.pulumi/versions`. Long tests run in full with one release only. */
function otherReleases(): Suite[] {
  const folder = join(homedir(), ".pulumi/versions");
  const named = process.env["PULUMI_CLIS"]?.split(delimiter);
  const found = named ?? (existsSync(folder) ? readdirSync(folder).map((version) => join(folder, version, "pulumi")) : []);
  return found
    .filter((cli) => cli !== findCli())
    .map((cli) =>
      vitest(`the Pulumi CLI, ${cli}`, "vitest.cli.config.ts", {
        env: { PULUMI_CLI: cli, LONG: "" },
        missing: existsSync(cli) ? undefined : `there is no ${cli}`,
      }),
    );
}
