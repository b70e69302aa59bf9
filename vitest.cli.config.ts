import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { findCli } from "./test/cli/support/findCli.ts";
import { shared } from "./vitest.shared.ts";

/** The suite that drives the installed `pulumi` against a local server. Without a CLI there is nothing to test. */
if (!findCli()) {
  console.log("test:cli skipped: no pulumi CLI in PULUMI_CLI, PATH or ~/.pulumi/bin");
  process.exit(0);
}

/** Writes test/recordings; only on request, since recordings are reviewed like code: `RECORD=1 npm run test:cli -- record`. */
const recording = process.env["RECORD"] === "1";
const afterwards = ["test/cli/traces.test.ts"];
/** Some tests have many steps, and take 80 s on an idle machine. */
const long = 900_000;

/** They begin first. Vitest would begin with the largest files until it knows how long each takes, and the last one would run alone for minutes. */
const longest = ["sameAsFile", "interruptions", "restore", "commands", "limits", "readme", "automation", "rotation"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isAmongLongest = ({ moduleId }: TestSpecification) => longest.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isAmongLongest), ...sorted.filter((file) => !isAmongLongest(file))];
  }
}

export default defineConfig({
  test: {
    ...shared,
    environment: "node",
    sequence: { sequencer: LongestFirst },
    globalSetup: ["./test/cli/support/setup.ts"],
    // Events reach the audit log a moment later, and on a busy machine some seconds later.
    expect: { poll: { timeout: 30_000, interval: 250 } },
    projects: [
      {
        extends: true,
        test: {
          name: "cli",
          include: ["test/cli/**/*.test.ts"],
          exclude: recording ? afterwards : [...afterwards, "test/cli/record.test.ts"],
          globalSetup: [],
          maxWorkers: 2,
          testTimeout: long,
          hookTimeout: long,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // This file examines what the other files have left behind.
        test: {
          name: "afterwards",
          include: recording ? [] : afterwards,
          globalSetup: [],
          maxWorkers: 1,
          testTimeout: long,
          hookTimeout: long,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
