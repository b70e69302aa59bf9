import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import { changesNothing, records } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  // The administrator creates the stack, because a stack's creator has more rights on it than a member.
  await newStack(world.admin);
  await ok("POST", `${STACK_PATH}/import`, { token: world.member, json: deploymentOf([rootStack]) });
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const kinds = ["update", "preview", "refresh", "destroy"] as const;

/** Tokens with only the right to previews. */
const previewers: [string, () => Promise<string>][] = [
  ["of the read-only role", async () => (await newOrgToken(world, "ro", { roleID: "read-only" })).tokenValue],
  [
    "with a rule for previews",
    async () => (await newOrgToken(world, "pr", { stacks: [{ project: "web", stack: "*", access: "preview" }] })).tokenValue,
  ],
  [
    "of a person where members only read",
    async () => {
      await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setDefaultStackPermission: 101 } });
      return world.member;
    },
  ],
];

describe.each(previewers)("a token %s", (_, credential) => {
  let token: string;
  beforeEach(async () => {
    token = await credential();
  });

  it.each(kinds)("runs a preview of the kind %s from its start to its end, with its events and its secrets", async (kind) => {
    const update = await startUpdate(token, { kind, dryRun: true });
    await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } });
    await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events: [{ sequence: 0, timestamp: 1 }] } });
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "aGk=" } });
    await ok("POST", `${STACK_PATH}/batch-decrypt`, { token, json: { ciphertexts: [ciphertext] } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    expect(await ok("GET", `${STACK_PATH}/update/${update.id}`, { token })).toMatchObject({ status: "succeeded" });
  });

  it.each(["abort", "drain"])("renews the lease of a preview as long as it lasts, also where lost rights mean to %s", async (setting) => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setInFlightRevocation: setting, setMaxDrainHours: 1 } });
    const update = await startUpdate(token, { kind: "preview", dryRun: true });
    for (let minutes = 0; minutes <= 65; minutes += 5) {
      await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } });
      laterBy(5 * 60_000);
    }
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  });

  it("writes no state, tag or version by a preview, and takes no lock", async () => {
    const before = await records();
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/preview`, { token, json: {} });
    const tags = { "pulumi:project": "web", "vcs:kind": "github" };
    const { token: lease, journalVersion } = await ok<{ token: string; journalVersion?: number }>(
      "POST",
      `${STACK_PATH}/update/${updateID}`,
      {
        token,
        json: { tags, journalVersion: 1 },
      },
    );
    expect(journalVersion).toBeUndefined();
    const path = `${STACK_PATH}/update/${updateID}`;
    for (const [verb, json] of [
      ["journalentries", { entries: creates(component("a")) }],
      ["checkpoint", { isInvalid: false, ...deploymentOf([]) }],
      ["checkpointverbatim", { version: 3, untypedDeployment: { version: 3, deployment: {} }, sequenceNumber: 1 }],
    ] as const)
      expect((await call("PATCH", `${path}/${verb}`, { lease, json })).status, verb).toBeGreaterThanOrEqual(400);
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
    const after = await records();
    expect([after["stacks"], after["stack_tags"], after["stack_references"]]).toEqual([
      before["stacks"],
      before["stack_tags"],
      before["stack_references"],
    ]);
  });

  it.each(["update", "refresh", "destroy"])("creates no real update of the kind %s, and is told why", async (kind) => {
    for (const json of [{}, { options: { dryRun: false } }, { options: null }, { options: { dryRun: null } }])
      await changesNothing(async () => {
        const why = await refused(403, "POST", `${STACK_PATH}/${kind}`, { token, json });
        expect(why).toMatch(/^You do not have permission to perform this operation: .*the right stack:write/);
      });
  });

  it("does not start a real update that another token created, under any path, and finds no update of another stack", async () => {
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token: world.admin, json: {} });
    await newStack(world.admin, "web", "other");
    const other = await ok<{ updateID: string }>("POST", "/api/stacks/acme/web/other/preview", { token: world.admin, json: {} });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        for (const kind of kinds)
          expect(await refused(403, "POST", `${STACK_PATH}/${kind}/${updateID}`, { token, json: {} })).toContain("the right stack:write");
        await refused(404, "POST", `${STACK_PATH}/preview/${other.updateID}`, { token, json: {} });
        await refused(404, "POST", `${STACK_PATH}/preview/none`, { token, json: {} });
        await refused(404, "POST", `/api/stacks/acme/web/none/preview/${other.updateID}`, { token, json: {} });
      }),
    );
    expect(events).toHaveLength(kinds.length);
    expect(new Set(events.map(({ authFailure }) => authFailure))).toEqual(new Set([true]));
    // A preview that another token created is a preview.
    await ok("POST", `/api/stacks/acme/web/other/preview/${other.updateID}`, { token, json: {} });
  });

  it("does nothing else to the stack", async () => {
    const running = await startUpdate(token, { kind: "preview", dryRun: true });
    await changesNothing(async () => {
      await refused(403, "POST", `${running.path}/cancel`, { token });
      await refused(403, "POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) });
      await refused(403, "DELETE", STACK_PATH, { token });
      await refused(403, "PATCH", `${STACK_PATH}/tags`, { token, json: {} });
      await refused(403, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "x" } });
      await refused(403, "PUT", `${STACK_PATH}/config`, { token, json: { environment: "x" } });
    });
  });
});

it("a rule for reading opens no preview, and a rule for writing of a read-only token does", async () => {
  const limited = async (name: string, more: Record<string, unknown>) => (await newOrgToken(world, name, more)).tokenValue;
  const reader = await limited("reader", { stacks: [{ project: "web", access: "read" }] });
  const both = await limited("both", { roleID: "read-only", stacks: [{ project: "web", access: "read" }] });
  for (const token of [reader, both])
    for (const kind of kinds) await refused(403, "POST", `${STACK_PATH}/${kind}`, { token, json: { options: { dryRun: true } } });
  const writer = await limited("writer", { roleID: "read-only", stacks: [{ project: "web", access: "write" }] });
  await startUpdate(writer, { kind: "preview", dryRun: true });
});

it("a client with the right to write still sets the tags by a preview", async () => {
  const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/preview`, { token: world.member, json: {} });
  await ok("POST", `${STACK_PATH}/preview/${updateID}`, { token: world.member, json: { tags: { a: "b" } } });
  expect(await ok("GET", STACK_PATH, { token: world.member })).toMatchObject({ tags: { a: "b" } });
});
