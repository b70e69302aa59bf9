import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { type Program, editProgram, gateOf, nodeProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

const held: Program = {
  things: [{ name: "before" }, { name: "held", dependsOn: ["before"], props: { gate: "gate" } }, { name: "after", dependsOn: ["held"] }],
};
const BUSY = "[409] Conflict: Another update is currently in progress.";

let token: string;
beforeAll(async () => {
  token = (await newOrgToken("together")).value;
});

describe("while an update runs", () => {
  let first: Terminal;
  let second: Terminal;
  const stack = "acme/busy/dev";
  beforeAll(async () => {
    first = new Terminal({ project: nodeProject("busy", held), token });
    second = new Terminal({ project: nodeProject("busy", { things: [{ name: "other" }] }), token });
    await first.pulumi("stack", "init", stack);
  });

  it("a second up is refused as a conflict, and so are import and rm; a preview is not", async () => {
    const gate = gateOf(first.project);
    const up = first.start("up", "--yes", "--skip-preview");
    await up.until("the held resource", gate.reached);

    const { output } = await second.fails("up", "--yes", "--skip-preview", "--stack", stack);
    expect(output).toContain(BUSY);
    expect(output).toContain("To learn more about possible reasons and resolution");
    const state = join(second.project, "state.json");
    writeFileSync(state, await second.pulumi("stack", "export", "--stack", stack));
    expect((await second.fails("stack", "import", "--file", state, "--stack", stack)).output).toContain(BUSY);
    expect((await second.fails("stack", "rm", "--yes", stack)).output).toContain(BUSY);
    expect(await second.pulumi("stack", "--stack", stack)).toMatch(/Update in progress/);
    expect(await second.pulumi("preview", "--stack", stack)).toMatch(/to create/);

    gate.open();
    const { code, stdout, stderr } = await up.ended;
    expect(code, `${stdout}\n${stderr}`).toBe(0);
  });

  it("and after its end the stack is free", async () => {
    expect(await second.pulumi("up", "--yes", "--skip-preview", "--stack", stack)).toMatch(/\+ 1 created/);
  });

  it("of two that start at the same moment one runs and one is refused", async () => {
    for (const { project } of [first, second]) editProgram(project, { things: [{ name: "slow", props: { gate: "slow" } }] });
    const both = [first, second].map((terminal) => terminal.run("up", "--yes", "--skip-preview", "--stack", stack));
    // The update that runs waits at its gate until the other one was refused.
    await Promise.race(both);
    for (const { project } of [first, second]) gateOf(project, "slow").open();
    const [one, other] = await Promise.all(both);
    const [winner, loser] = one!.code === 0 ? [one!, other!] : [other!, one!];
    expect(winner.code, `${winner.stdout}\n${winner.stderr}`).toBe(0);
    expect(`${loser.stdout}\n${loser.stderr}`).toContain(BUSY);
  });
});

describe("pulumi cancel from a second terminal", () => {
  let first: Terminal;
  let second: Terminal;
  const stack = "acme/canceled/dev";
  beforeAll(async () => {
    first = new Terminal({ project: nodeProject("canceled", held), token });
    second = new Terminal({ project: nodeProject("canceled", held), token });
    await first.pulumi("stack", "init", stack);
  });

  it("ends the update: its CLI can write nothing more", async () => {
    const gate = gateOf(first.project);
    const up = first.start("up", "--yes", "--skip-preview");
    await up.until("the held resource", gate.reached);
    await second.pulumi("cancel", "--yes", stack);
    gate.open();
    const { code, stdout, stderr } = await up.ended;
    expect(code).not.toBe(0);
    expect(`${stdout}\n${stderr}`).toContain("[409] Conflict: The Update has been cancelled");
  });

  it("keeps what was acknowledged, and the operation that was pending", async () => {
    type Export = { deployment: { resources: { urn: string }[]; pending_operations: { type: string; resource: { urn: string } }[] } };
    const { deployment } = await second.json<Export>("stack", "export", "--stack", stack);
    const urns = deployment.resources.map((resource) => resource.urn.split("::").at(-1));
    expect(urns).toContain("before");
    expect(urns).not.toContain("after");
    expect(deployment.pending_operations).toMatchObject([{ type: "creating", resource: { urn: expect.stringMatching(/::held$/) } }]);
  });

  it("is in the history as failed, and frees the stack at once", async () => {
    expect(await second.json("stack", "history", "--json", "--stack", stack)).toMatchObject([{ version: 1, result: "failed" }]);
    expect((await second.fails("cancel", "--yes", stack)).output).toContain("[409] Conflict: The Update has already completed");
    gateOf(second.project).open();
    await second.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack);
    expect(await second.pulumi("up", "--yes", "--skip-preview", "--stack", stack)).toMatch(/\+ 2 created/);
  });
});

describe("pulumi stack rm --force from a second terminal", () => {
  it("ends the update, whose CLI can write nothing more, and removes the stack", async () => {
    const stack = "acme/removed/dev";
    const first = new Terminal({ project: nodeProject("removed", held), token });
    const second = new Terminal({ project: nodeProject("removed", held), token });
    await first.pulumi("stack", "init", stack);
    const gate = gateOf(first.project);
    const up = first.start("up", "--yes", "--skip-preview");
    await up.until("the held resource", gate.reached);
    await second.pulumi("stack", "rm", "--yes", "--force", stack);
    gate.open();
    const { code, stdout, stderr } = await up.ended;
    expect(code).not.toBe(0);
    expect(`${stdout}\n${stderr}`).toContain("[409] Conflict: The Update has been cancelled");
    expect((await second.fails("stack", "select", stack)).output).toContain("no stack named");
    await second.pulumi("stack", "init", stack);
  });
});
