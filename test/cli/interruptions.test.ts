import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { giveBack } from "./support/lease.ts";
import { type Program, gateOf, nodeProject } from "./support/programs.ts";
import { Recorder } from "./support/recorder.ts";
import type { Server } from "./support/server.ts";
import { type Running, Terminal } from "./support/terminal.ts";

interface Export {
  deployment: { resources: { urn: string }[]; pending_operations?: { type: string; resource: { urn: string } }[] };
}

const held: Program = {
  things: [{ name: "before" }, { name: "held", dependsOn: ["before"], props: { gate: "gate" } }, { name: "after", dependsOn: ["held"] }],
};
/**
 * More resources than one request can carry, made a few at a time. The last ones wait for a file of the test, so that the update cannot end
 * before its interruption.
 */
const many: Program = {
  things: Array.from({ length: 60 }, (_, i) => ({
    name: `n${i}`,
    ...(i > 40 && { dependsOn: ["n40"] }),
    props: i === 40 ? { gate: "gate" } : { takes: 100 },
  })),
};

let server: Server;
let token: string;
beforeAll(async () => {
  server = await startBuiltServer("interrupted-server");
  const admin = server.credentials.organizations["acme"]!["admin"]!;
  token = (await newOrgToken("interrupted", { url: server.url, admin })).value;
});
afterAll(() => server.stop());

/** A stack, and a recorder between its CLI and the server. */
interface Stack {
  terminal: Terminal;
  recorder: Recorder;
  gate: ReturnType<typeof gateOf>;
}

async function newStack(name: string, program: Program): Promise<Stack> {
  const recorder = await Recorder.before(server.url);
  const terminal = new Terminal({ project: nodeProject(name, program), token, url: recorder.url });
  await terminal.pulumi("stack", "init", "dev");
  return { terminal, recorder, gate: gateOf(terminal.project) };
}

/**
 * Ends the lease early, as its client can. A whole lease would take long, and a short lease could end while the CLI still works on a slow
 * machine.
 */
async function endLease({ recorder }: Stack): Promise<void> {
  // A renewal that is under way would set the lease to its full length again.
  await recorder.settled();
  await giveBack(recorder.lastUpdate()!, { url: server.url, token });
}

const nameOf = (urn: string) => urn.split("::").at(-1)!;
const names = (list: { urn: string }[]) => list.map(({ urn }) => nameOf(urn));
/** Resources that the CLI reported as done; the server may not have received the last few of them. */
const reported = (stdout: string) => [...stdout.matchAll(/dynamic:Resource (\w+) created/g)].map((match) => match[1]!);

/** Expects that after an interruption nothing acknowledged is missing, no pending operation is forgotten, and the next update works. */
async function expectRecovery({ terminal }: Stack, acknowledged: string[], begun: string[], total: number): Promise<void> {
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
  // The root resource and the provider are added.
  expect(after.deployment.resources).toHaveLength(total + 2);
  expect(after.deployment.pending_operations ?? []).toEqual([]);
  await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
}

/** Starts an update, and waits until its resource is held. */
async function startWaiting({ terminal, gate }: Stack): Promise<Running> {
  const running = terminal.start("up", "--yes", "--skip-preview");
  await running.until("the held resource", gate.reached);
  return running;
}

/** Starts an update, and waits until it is in the middle of its writes. */
async function startBusy({ terminal, recorder }: Stack): Promise<Running> {
  const running = terminal.start("up", "--yes", "--skip-preview", "--parallel=8");
  await running.until("the 20th resource", () => reported(running.stdout).length >= 20 && recorder.acknowledged().length > 10);
  return running;
}

describe("kill -9 of the CLI in the middle of an up", () => {
  let waiting: Stack;

  it("holds the stack until the lease ends", async () => {
    waiting = await newStack("killed-waiting", held);
    const running = await startWaiting(waiting);
    await running.kill();
    waiting.gate.open();
    expect((await waiting.terminal.fails("up", "--yes", "--skip-preview")).output).toContain(
      "[409] Conflict: Another update is currently in progress.",
    );
    await endLease(waiting);
  });

  it("then export, refresh and up work, and the pending operation was kept", () => expectRecovery(waiting, ["before"], ["held"], 3));

  it.runIf(inject("long"))("and of many resources, no acknowledged one is missing", async () => {
    const busy = await newStack("killed-busy", many);
    const running = await startBusy(busy);
    await running.kill();
    busy.gate.open();
    await endLease(busy);
    await expectRecovery(busy, busy.recorder.acknowledged().map(nameOf), reported(running.stdout), 60);
  });
});

describe("kill -9 of the server in the middle of an up", () => {
  let waiting: Stack;
  let busy: Stack;
  let acknowledged: string[];
  let begun: string[];

  it("fails the commands that were running", async () => {
    waiting = await newStack("crashed-waiting", held);
    busy = await newStack("crashed-busy", many);
    const first = await startWaiting(waiting);
    const second = await startBusy(busy);
    await server.kill();
    waiting.gate.open();
    busy.gate.open();
    for (const { code } of await Promise.all([first.ended, second.ended])) expect(code).not.toBe(0);
    acknowledged = busy.recorder.acknowledged().map(nameOf);
    begun = reported(second.stdout);
    expect(begun.length).toBeLessThan(60);
  });

  it("after a restart the stacks are held until the leases end", async () => {
    for (const { recorder } of [waiting, busy]) recorder.disconnect();
    await server.run();
    for (const { terminal } of [waiting, busy])
      expect((await terminal.fails("up", "--yes", "--skip-preview")).output).toContain(
        "[409] Conflict: Another update is currently in progress.",
      );
    await Promise.all([waiting, busy].map(endLease));
  });

  it("then export, refresh and up work, and the pending operation was kept", () => expectRecovery(waiting, ["before"], ["held"], 3));

  it("and of many resources, no acknowledged one is missing", () => expectRecovery(busy, acknowledged, begun, 60));
});
