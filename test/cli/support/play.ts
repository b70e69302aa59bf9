import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { comparable } from "./comparable.ts";
import { type Program, editProgram, gateOf } from "./programs.ts";
import type { Step } from "./scenarios.ts";
import type { Terminal } from "./terminal.ts";

/** The backend that keeps a state, and the form in which the CLI writes it. */
export interface Way {
  name: string;
  organization: string;
  terminal: (project: string) => Terminal;
}

/** @returns the export after each step that wrote a state, without the parts that always differ */
export async function playOn(way: Way, project: string, secret: string, steps: Step[]): Promise<unknown[]> {
  const terminal = way.terminal(project);
  const stack = `${way.name}-${secret.slice(-8)}`;
  const other = `${way.organization}/same/other-${stack}`;
  const edit = (program: Program) => editProgram(project, JSON.parse(JSON.stringify(program).replaceAll("OTHER", other)) as Program);
  // Resources are made one at a time, so that both backends make them in the same order.
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
      await terminal.pulumi("stack", "init", other, "--copy-config-from", `${way.organization}/same/${stack}`, "--no-select");
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
      const args = "up" in step ? [...up, ...(step.with ?? [])] : step.run.map((word) => word.replace("STACK", stack));
      if ("run" in step && step.run[0] !== "state") args.push("--skip-preview", "--parallel=1");
      const { code, stdout, stderr } = await terminal.run(...args);
      expect(code === 0, `${way.name}\n${stdout}\n${stderr}`).toBe(!step.fails);
    }
    exports.push(comparable(await terminal.pulumi("stack", "export"), { [stack]: "STACK", [way.organization]: "ORG" }));
  }
  return exports;
}
