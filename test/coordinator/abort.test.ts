import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { eventually } from "../support/clock.ts";
import { call, ok, refused } from "../support/client.ts";
import { type Exported, begins, component, rootStack, secretsManager, succeeds } from "../support/deployment.ts";
import { type NewToken, type RunningUpdate, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let ci: NewToken;
beforeEach(async () => {
  world = await newWorld();
  ci = await newOrgToken(world, "ci");
  await newStack(world.member);
});

const decide = (setInFlightRevocation: "drain" | "abort") =>
  ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setInFlightRevocation } });
const deleteToken = () => ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
const renew = (update: RunningUpdate) =>
  call("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { token: "", duration: 300 } });
const write = (update: RunningUpdate, entries: unknown[]) =>
  call("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries } });
const statusOf = async (update: RunningUpdate) => (await ok<{ status: string }>("GET", update.path, { token: world.member })).status;
const done = component("done");
const held = component("held");

/** An update that made one resource and has begun another. */
async function running(token = ci.tokenValue): Promise<RunningUpdate> {
  const update = await startUpdate(token);
  const entries = [
    secretsManager,
    begins(2, 1, rootStack),
    succeeds(3, 1, rootStack),
    begins(4, 2, done),
    succeeds(5, 2, done),
    begins(6, 3, held),
  ];
  expect((await write(update, entries)).status).toBe(204);
  return update;
}

async function expectAborted(update: RunningUpdate, fate: string): Promise<void> {
  await eventually(async () => expect(await statusOf(update)).toBe("cancelled"));
  const { deployment } = await ok<Exported>("GET", "/api/stacks/acme/web/dev/export", { token: world.member });
  expect(deployment.resources!.map((resource) => resource.urn)).toEqual([rootStack.urn, done.urn]);
  expect(deployment.pending_operations!.map(({ resource }) => resource.urn)).toEqual([held.urn]);
  // The settled log cannot be used: a lease that is refused twice in a short time writes two outbox rows for one event.
  await eventually(async () => {
    const { results } = await env.DB.prepare(
      "SELECT description FROM audit_events WHERE event = 'stack-update-canceled' AND org_id IN (SELECT id FROM organizations)",
    ).all();
    expect(results).toEqual([{ description: `Aborted an update of stack "acme/web/dev" (${update.id}). ${fate}` }]);
  });
  // The stack is free.
  await startUpdate(world.member);
}

describe("an organization that aborts", () => {
  beforeEach(() => decide("abort"));

  it("takes nothing more from an update once the deletion of its token is answered, and ends it", async () => {
    const update = await running();
    await deleteToken();
    expect((await renew(update)).status).toBe(403);
    expect(
      await refused(403, "PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: [succeeds(7, 3, held)] } }),
    ).toBe("This update was aborted: the access token that started it is no longer valid or has lost the right to it.");
    await expectAborted(update, "Its token was deleted meanwhile.");
    expect((await renew(update)).status).toBe(403);
  });

  it("accepts from the client that the update failed, and not that it succeeded", async () => {
    const update = await running();
    await deleteToken();
    await refused(403, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } });
    await expectAborted(update, "Its token was deleted meanwhile.");
  });

  it("does not encrypt for a token that has ended", async () => {
    await running();
    await deleteToken();
    await refused(401, "POST", "/api/stacks/acme/web/dev/encrypt", { token: ci.tokenValue, json: { plaintext: "aGk=" } });
  });

  it.each([
    ["deleted_at", "Its token was deleted meanwhile."],
    ["disabled_at", "Its token was disabled meanwhile."],
    ["expires_at", "Its token expired meanwhile."],
  ])("ends after %s at the next renewal when its object was not notified", async (column, fate) => {
    const update = await running();
    expect((await renew(update)).status).toBe(200);
    await env.DB.prepare(`UPDATE access_tokens SET ${column} = ? WHERE id = ?`)
      .bind(Date.now() - 1, ci.id)
      .run();
    expect((await renew(update)).status).toBe(403);
    expect((await write(update, [succeeds(7, 3, held)])).status).toBe(403);
    await expectAborted(update, fate);
  });

  it("ends the updates of a person who is removed, in this organization only", async () => {
    const update = await running(world.member);
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "member" } });
    await ok("POST", "/api/stacks/globex/web", { token: world.member, json: { stackName: "dev" } });
    const path = "/api/stacks/globex/web/dev/update";
    const { updateID } = await ok<{ updateID: string }>("POST", path, { token: world.member, json: {} });
    const elsewhere = await ok<{ token: string }>("POST", `${path}/${updateID}`, { token: world.member, json: {} });

    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    expect((await write(update, [succeeds(7, 3, held)])).status).toBe(403);
    await ok("POST", `${path}/${updateID}/renew_lease`, { lease: elsewhere.token, json: { token: "", duration: 300 } });
    world = { ...world, member: world.admin };
    await expectAborted(update, "The owner of its token left the organization meanwhile.");
  });

  it("ends at once an update that its token started and another token created", async () => {
    const other = await newOrgToken(world, "other");
    const json = { name: "web", options: {}, config: {}, metadata: { message: "", environment: {} } };
    const { updateID: id } = await ok<{ updateID: string }>("POST", "/api/stacks/acme/web/dev/update", { token: other.tokenValue, json });
    const path = `/api/stacks/acme/web/dev/update/${id}`;
    const { token: lease, version } = await ok<{ token: string; version: number }>("POST", path, {
      token: ci.tokenValue,
      json: { journalVersion: 1 },
    });
    const update = { id, lease, version, path };
    await ok("DELETE", `/api/orgs/acme/tokens/${other.id}`, { token: world.admin });
    expect((await write(update, [begins(2, 1, rootStack)])).status).toBe(204);
    await deleteToken();
    expect((await write(update, [succeeds(3, 1, rootStack)])).status).toBe(403);
    const row = await env.DB.prepare("SELECT token_id FROM updates WHERE id = ?").bind(id).first("token_id");
    expect(row).toBe(ci.id);
  });

  it("leaves updates of other tokens alone", async () => {
    const update = await running(world.member);
    await deleteToken();
    expect((await write(update, [succeeds(7, 3, held)])).status).toBe(204);
    expect((await renew(update)).status).toBe(200);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  });

  it("that starts to abort after the deletion ends the update at the next renewal", async () => {
    await decide("drain");
    const update = await running();
    await deleteToken();
    expect((await renew(update)).status).toBe(200);
    await decide("abort");
    expect((await renew(update)).status).toBe(403);
    await expectAborted(update, "Its token was deleted meanwhile.");
  });
});

describe("an organization that drains", () => {
  it("lets the update finish, and its last event says that the token was deleted", async () => {
    const update = await running();
    await deleteToken();
    expect((await renew(update)).status).toBe(200);
    expect((await write(update, [succeeds(7, 3, held)])).status).toBe(204);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    expect(await statusOf(update)).toBe("succeeded");
    const ends = (await settledLog()).filter((event) => event.event === "stack-update-completed");
    expect(ends.map((event) => [event.description, event.tokenName])).toEqual([
      [`Completed an update of stack "acme/web/dev" (${update.id}). Its token was deleted meanwhile.`, "ci"],
    ]);
    await refused(401, "POST", "/api/stacks/acme/web/dev/update", { token: ci.tokenValue, json: {} });
  });
});
