import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { type Program, gateOf, nodeProject } from "./support/programs.ts";
import { Recorder } from "./support/recorder.ts";
import { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

interface Export {
  deployment: { resources: { urn: string }[]; pending_operations?: { type: string; resource: { urn: string } }[] };
}

/** The server's own grace after a lease, which the suite has to sit out: seconds. */
const GRACE = 30;
/** Long enough for an update on a busy machine: the CLI does not renew a lease for its first minutes, whatever the server says. Seconds. */
const LEASE = 20;

const held: Program = {
  things: [{ name: "before" }, { name: "held", dependsOn: ["before"], props: { gate: "gate" } }, { name: "after", dependsOn: ["held"] }],
};
/** More resources than one request can carry, made a few at a time. */
const many: Program = {
  things: Array.from({ length: 60 }, (_, i) => ({ name: `n${i}`, props: { takes: 100 } })),
};

let server: Server;
let token: string;
beforeAll(async () => {
  server = await Server.start({ directory: join(inject("directory"), "interrupted-server"), leaseSeconds: LEASE });
  const admin = server.credentials.organizations["acme"]!["admin"]!;
  token = (await newOrgToken("interrupted", { url: server.url, admin })).value;
});
afterAll(() => server.stop());

async function newStack(name: string, program: Program, url = server.url): Promise<Terminal> {
  const terminal = new Terminal({ project: nodeProject(name, program), token, url });
  await terminal.pulumi("stack", "init", "dev");
  return terminal;
}

const untilLeasesEnd = (begun: number) => new Promise((done) => setTimeout(done, begun + (LEASE + GRACE + 1) * 1000 - Date.now()));
const nameOf = (urn: string) => urn.split("::").at(-1)!;
const names = (list: { urn: string }[]) => list.map(({ urn }) => nameOf(urn));
/** Resources that the CLI reported as done; of the last few the server may not have heard. */
const reported = (stdout: string) => [...stdout.matchAll(/dynamic:Resource (\w+) created/g)].map((match) => match[1]!);

/** After an interruption: nothing acknowledged is missing, nothing pending is forgotten, and work goes on. */
async function expectRecovery(terminal: Terminal, acknowledged: string[], begun: string[], total: number): Promise<void> {
  const { deployment } = await terminal.json<Export>("stack", "export");
  const kept = names(deployment.resources);
  expect(kept).toEqual(expect.arrayContaining(acknowledged));
  const operations = deployment.pending_operations ?? [];
  for (const operation of operations) expect(operation.type).toBe("creating");
  const pending = names(operations.map((operation) => operation.resource));
  expect([...kept, ...pending]).toEqual(expect.arrayContaining(begun));
  expect(await terminal.json("stack", "history", "--json")).toMatchObject([{ version: 1, kind: "update", result: "failed" }]);

  await terminal.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates");
  await terminal.pulumi("up", "--yes", "--skip-preview");
  const after = await terminal.json<Export>("stack", "export");
  // And the root, and the provider.
  expect(after.deployment.resources).toHaveLength(total + 2);
  expect(after.deployment.pending_operations ?? []).toEqual([]);
  await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
}

describe("kill -9 of the CLI in the middle of an up", () => {
  let waiting: Terminal;
  let busy: Terminal;
  let acknowledged: string[];
  let begun: string[];

  it("holds the stack until the lease ends", async () => {
    waiting = await newStack("killed-waiting", held);
    const recorder = await Recorder.before(server.url);
    busy = await newStack("killed-busy", many, recorder.url);
    const gate = gateOf(waiting.project);
    const first = waiting.start("up", "--yes", "--skip-preview");
    await first.until("the held resource", gate.reached);
    await first.kill();
    gate.open();
    const second = busy.start("up", "--yes", "--skip-preview", "--parallel=8");
    await second.until("the 20th resource", () => reported(second.stdout).length >= 20);
    await second.kill();
    acknowledged = recorder.acknowledged().map(nameOf);
    begun = reported(second.stdout);
    expect(acknowledged.length).toBeGreaterThan(10);
    expect((await waiting.fails("up", "--yes", "--skip-preview")).output).toContain(
      "[409] Conflict: Another update is currently in progress.",
    );
    await untilLeasesEnd(Date.now());
  });

  it("then export, refresh and up work, and the pending operation was kept", () => expectRecovery(waiting, ["before"], ["held"], 3));

  it("and of many resources none that was acknowledged is missing", () => expectRecovery(busy, acknowledged, begun, 60));
});

describe("kill -9 of the server in the middle of an up", () => {
  let waiting: Terminal;
  let busy: Terminal;
  let acknowledged: string[];
  let begun: string[];
  let killed: number;

  it("fails the commands that were running", async () => {
    waiting = await newStack("crashed-waiting", held);
    const recorder = await Recorder.before(server.url);
    busy = await newStack("crashed-busy", many, recorder.url);
    const gate = gateOf(waiting.project);
    const first = waiting.start("up", "--yes", "--skip-preview");
    await first.until("the held resource", gate.reached);
    const second = busy.start("up", "--yes", "--skip-preview", "--parallel=8");
    await second.until("the 20th resource", () => reported(second.stdout).length >= 20);
    await server.kill();
    killed = Date.now();
    gate.open();
    for (const { code } of await Promise.all([first.ended, second.ended])) expect(code).not.toBe(0);
    acknowledged = recorder.acknowledged().map(nameOf);
    begun = reported(second.stdout);
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(begun.length).toBeLessThan(60);
  });

  it("after a restart the stacks are held until the leases end", async () => {
    await server.run();
    await untilLeasesEnd(killed);
  });

  it("then export, refresh and up work, and the pending operation was kept", () => expectRecovery(waiting, ["before"], ["held"], 3));

  it("and of many resources none that was acknowledged is missing", () => expectRecovery(busy, acknowledged, begun, 60));
});
