import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { comparable } from "./support/comparable.ts";
import { type Program, editProgram, gateOf, hasStash, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { type Step, scenarios } from "./support/scenarios.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** Where a state is kept, and how the CLI writes it. */
interface Way {
  name: string;
  organization: string;
  terminal: (project: string) => Terminal;
}

/** The CLI's own backend: what it leaves in its files is how a state ought to be. */
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

const ways = [ours("default", {})];
// Older CLIs write checkpoints by themselves.
if (isAtLeast(225)) ways.push(ours("checkpoints", { PULUMI_DISABLE_JOURNALING: "true" }));

describe("the state of each kind is the one that the CLI leaves in its own files", () => {
  it.each(Object.entries(scenarios))("%s", async (_name, steps) => {
    const first = steps.find((step) => !("file" in step)) as { up?: Program; other?: Program; killed?: Program };
    const secret = newSecret();
    const play = (way: Way) => playOn(way, nodeProject("same", (first.up ?? first.other ?? first.killed)!), secret, steps);
    const [expected, ...states] = await Promise.all([file, ...ways].map(play));
    for (const [i, state] of states.entries()) expect(state, ways[i]!.name).toEqual(expected);
  });

  it("built-in resources of a YAML program", async () => {
    const secret = newSecret();
    const play = (way: Way) => playOn(way, yamlProject("same"), secret, [{ run: ["up", "--yes"] }]);
    const [expected, ...states] = await Promise.all([file, ...ways].map(play));
    expect(expected).toHaveLength(1);
    for (const [i, state] of states.entries()) expect(state, ways[i]!.name).toEqual(expected);
    expect(JSON.stringify(expected).includes("pulumi:index:Stash")).toBe(hasStash());
  });
});

/** @returns the exports after each step that wrote state, with what must differ made equal */
async function playOn(way: Way, project: string, secret: string, steps: Step[]): Promise<unknown[]> {
  const terminal = way.terminal(project);
  const stack = `${way.name}-${secret.slice(-8)}`;
  const other = `${way.organization}/same/other-${stack}`;
  const edit = (program: Program) => editProgram(project, JSON.parse(JSON.stringify(program).replaceAll("OTHER", other)) as Program);
  // One resource at a time, so that all do the same in the same order.
  const up = ["up", "--yes", "--skip-preview", "--parallel=1"];

  await terminal.pulumi("stack", "init", `${way.organization}/same/${stack}`);
  await terminal.pulumi("config", "set", "--secret", "password", secret);
  const exports: unknown[] = [];
  for (const step of steps) {
    if ("file" in step) {
      const path = join(project, step.file);
      if (step.text === undefined) rmSync(path);
      else writeFileSync(path, step.text);
      continue;
    }
    if ("other" in step) {
      edit(step.other);
      await terminal.pulumi("stack", "init", other, "--copy-config-from", stack, "--no-select");
      await terminal.pulumi(...up, "--stack", other);
      continue;
    }
    if ("killed" in step) {
      edit(step.killed);
      const running = terminal.start(...up);
      await running.until("the gate", gateOf(project).reached);
      await running.kill();
      await terminal.pulumi("cancel", "--yes");
    } else {
      if ("up" in step) edit(step.up);
      const args = "up" in step ? [...up, ...(step.with ?? [])] : [...step.run, "--skip-preview", "--parallel=1"];
      const { code, stdout, stderr } = await terminal.run(...args);
      expect(code === 0, `${way.name}\n${stdout}\n${stderr}`).toBe(!step.fails);
    }
    exports.push(comparable(await terminal.pulumi("stack", "export"), { [stack]: "STACK", [way.organization]: "ORG" }));
  }
  return exports;
}
