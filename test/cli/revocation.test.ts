import { beforeAll, describe, expect, inject, it } from "vitest";
import { type OrgToken, ask, auditOf, deleteOrgToken, newOrgToken } from "./support/api.ts";
import { type Program, gateOf, nodeProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

/** Tests that delete a token while its update is running: the organization's setting decides what becomes of the update. */
interface Export {
  deployment: { resources: { urn: string }[]; pending_operations?: { resource: { urn: string } }[] };
}

const program: Program = {
  things: [{ name: "before" }, { name: "held", dependsOn: ["before"], props: { gate: "gate" } }, { name: "after", dependsOn: ["held"] }],
};
/** Only in this file does a token of this organization end during its update. */
const ORG = "globex";
const admin = () => inject("people")[ORG]!["admin"]!;
const decide = (setInFlightRevocation: "drain" | "abort") =>
  ask("PATCH", `/api/orgs/${ORG}`, { token: admin(), json: { setInFlightRevocation } });
const names = (list: { urn: string }[] = []) => list.map(({ urn }) => urn.split("::").at(-1)!);

interface Interrupted {
  token: OrgToken;
  result: { code: number | null; stdout: string; stderr: string };
  /** The same stack, used by an administrator. */
  terminal: Terminal;
}

/** Deletes the token while `held` is being created, and only then lets `held` finish. */
async function deleteInTheMiddle(name: string): Promise<Interrupted> {
  const token = await newOrgToken(name, { org: ORG });
  const terminal = new Terminal({ project: nodeProject(name, program), token: token.value });
  await terminal.pulumi("stack", "init", `${ORG}/dev`);
  const gate = gateOf(terminal.project);
  const up = terminal.start("up", "--yes", "--skip-preview");
  await up.until("the held resource", gate.reached);
  expect(await deleteOrgToken(token)).toBe(204);
  gate.open();
  return { token, result: await up.ended, terminal: terminal.with({ token: admin() }) };
}

describe("an organization that drains", () => {
  let run: Interrupted;
  beforeAll(async () => {
    await decide("drain");
    run = await deleteInTheMiddle("drained");
  });

  it("lets the update finish", async () => {
    expect(run.result.code, `${run.result.stdout}\n${run.result.stderr}`).toBe(0);
    const { deployment } = await run.terminal.json<Export>("stack", "export", "--stack", `${ORG}/dev`);
    expect(names(deployment.resources)).toEqual(expect.arrayContaining(["before", "held", "after"]));
    await run.terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", `${ORG}/dev`);
  });

  it("says so in the audit log, in the token's name", async () => {
    const events = await auditOf(run.token, "stack-update-completed");
    expect(events.at(-1)!.description).toMatch(
      /^Completed an update of stack "globex\/drained\/dev" .* Its token was deleted meanwhile\.$/,
    );
  });
});

describe("an organization that aborts", () => {
  let run: Interrupted;
  beforeAll(async () => {
    await decide("abort");
    try {
      run = await deleteInTheMiddle("aborted");
    } finally {
      await decide("drain");
    }
  });

  it("fails the command, and takes nothing from it that came after the deletion", async () => {
    expect(run.result.code).not.toBe(0);
    const { deployment } = await run.terminal.json<Export>("stack", "export", "--stack", `${ORG}/dev`);
    expect(names(deployment.resources)).toContain("before");
    expect(names(deployment.resources)).not.toContain("held");
    expect(names(deployment.resources)).not.toContain("after");
  });

  it("says so in the audit log, in the token's name", async () => {
    const events = await auditOf(run.token, "stack-update-canceled");
    expect(events.find(({ event }) => event === "stack-update-canceled")!.description).toMatch(
      /^Aborted an update of stack "globex\/aborted\/dev" .* Its token was deleted meanwhile\.$/,
    );
    expect(await run.terminal.json("stack", "history", "--json", "--stack", `${ORG}/dev`)).toMatchObject([
      { version: 1, kind: "update", result: "failed" },
    ]);
  });

  it("leaves the stack free, and work goes on with another credential", async () => {
    await run.terminal.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", `${ORG}/dev`);
    await run.terminal.pulumi("up", "--yes", "--skip-preview", "--stack", `${ORG}/dev`);
    await run.terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", `${ORG}/dev`);
  });
});
