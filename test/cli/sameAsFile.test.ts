import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { type Way, playOn } from "./support/play.ts";
import { type Program, hasStash, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { recentScenarios, scenarios } from "./support/scenarios.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** The CLI's own backend in files: the states that it writes are the reference. */
const file: Way = {
  name: "file",
  organization: "organization",
  terminal: (project) =>
    new Terminal({
      project,
      url: `file://${mkdtempSync(join(inject("directory"), "backend-"))}`,
      env: { PULUMI_CONFIG_PASSPHRASE: "a passphrase" },
    }),
};

const ours = (name: string, env: Record<string, string>): Way => ({
  name,
  organization: "acme",
  terminal: (project) => new Terminal({ project, token: inject("people")["acme"]!["admin"], env }),
});

const journal = ours("default", {});
const checkpoints = ours("checkpoints", { PULUMI_DISABLE_JOURNALING: "true" });
/** The scenarios that the short form also runs with checkpoints: one for each kind of state. */
const shapes = [
  "secrets in resources, components and outputs",
  "a failure in the middle",
  "an operation that was pending when the CLI was killed",
];
/** The short form plays every second scenario, and which ones depends on the seed: so several runs play them all. */
const isPlayed = (_: unknown, i: number) => inject("long") || i % 2 === inject("seed") % 2;
/** Older releases write checkpoints by default. */
const waysOf = (name: string): Way[] => (isAtLeast(225) && (inject("long") || shapes.includes(name)) ? [journal, checkpoints] : [journal]);

describe("the state of each kind is the one that the CLI leaves in its own files", () => {
  it.each(Object.entries({ ...scenarios, ...(isAtLeast(259) && recentScenarios) }).filter(isPlayed))("%s", async (name, steps) => {
    const ways = waysOf(name);
    const first = steps.find((step) => !("file" in step)) as { up?: Program; other?: Program; killed?: Program };
    const secret = newSecret();
    const play = (way: Way) => playOn(way, nodeProject("same", (first.up ?? first.other ?? first.killed)!), secret, steps);
    const [expected, ...states] = await Promise.all([file, ...ways].map(play));
    for (const [i, state] of states.entries()) expect(state, ways[i]!.name).toEqual(expected);
  });

  it("built-in resources of a YAML program", async () => {
    const secret = newSecret();
    const ways = [journal];
    const play = (way: Way) => playOn(way, yamlProject("same"), secret, [{ run: ["up", "--yes"] }]);
    const [expected, ...states] = await Promise.all([file, ...ways].map(play));
    expect(expected).toHaveLength(1);
    for (const [i, state] of states.entries()) expect(state, ways[i]!.name).toEqual(expected);
    expect(JSON.stringify(expected).includes("pulumi:index:Stash")).toBe(hasStash());
  });
});
