import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { signLease } from "../../src/auth/leaseToken.ts";
import { peppersOf } from "../../src/auth/secret.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { begins, component, rootStack, secretsManager } from "../support/deployment.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let update: RunningUpdate;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
  await newStack(world.member, "web", "other");
  await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "dev" } });
  update = await startUpdate(world.member);
});

/** Every call under a lease. */
const calls = [
  ["PATCH", "journalentries", { entries: [secretsManager, begins(2, 1, rootStack)] }],
  ["POST", "events/batch", { events: [{ sequence: 0, timestamp: 0 }] }],
  ["POST", "renew_lease", { duration: 300 }],
  ["POST", "complete", { status: "succeeded" }],
] as const;

it("takes a lease only under the path of its own stack and update", async () => {
  const complete = { lease: update.lease, json: { status: "succeeded" } };
  await refused(403, "POST", `/api/stacks/acme/web/other/update/${update.id}/complete`, complete);
  await refused(403, "POST", `/api/stacks/acme/web/dev/update/${crypto.randomUUID()}/complete`, complete);
  for (const org of ["globex", "nosuch", "acm", "acme2", "acme%2Fweb"])
    await refused(403, "POST", `/api/stacks/${org}/web/dev/update/${update.id}/complete`, complete);
  // The lease is altered: with more text at its end, with another signature, with that of another lease, and with none.
  const [payload, signature] = update.lease.split(".") as [string, string];
  const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
  const [, foreign] = (await startUpdate(world.member, { stack: "web/other" })).lease.split(".");
  for (const lease of [`${update.lease}.more`, `${payload}.${flipped}`, `${payload}.${foreign}`, `${payload}.`])
    await refused(403, "POST", `${update.path}/complete`, { ...complete, lease });
  await ok("POST", `${update.path}/complete`, complete);
});

describe("under another organization's path", () => {
  it.each(calls)("%s %s is refused", async (method, verb, json) => {
    for (const org of ["globex", "nosuch"])
      await refused(403, method, `/api/stacks/${org}/web/dev/update/${update.id}/${verb}`, { lease: update.lease, json });
    expect((await call(method, `${update.path}/${verb}`, { lease: update.lease, json })).status).toBeLessThan(300);
  });

  it("a refused lease is an event of the organization that the lease is of", async () => {
    const acme = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
    const events = await eventsOf(() =>
      refused(403, "POST", `/api/stacks/globex/web/dev/update/${update.id}/complete`, {
        lease: update.lease,
        json: { status: "succeeded" },
      }),
    );
    expect(events).toMatchObject([{ orgId: acme, event: "auth-failure-stack-permission", stack: "web/dev" }]);
  });
});

it("takes a lease that an older release signed, which names no organization", async () => {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const lease = await signLease(peppersOf(env.TOKEN_PEPPER), { coordinator: `${orgId}/web/dev`, updateId: update.id });
  await ok("PATCH", `${update.path}/journalentries`, { lease, json: { entries: [secretsManager, begins(2, 1, component("a"))] } });
  const renewed = await ok<{ token: string }>("POST", `${update.path}/renew_lease`, { lease, json: { duration: 300 } });
  expect(renewed.token).toBe(lease);
  await refused(403, "POST", `/api/stacks/acme/web/other/update/${update.id}/complete`, { lease, json: { status: "succeeded" } });
  await ok("POST", `${update.path}/complete`, { lease, json: { status: "succeeded" } });
});

it("takes a preview's lease under its old path after its stack was transferred, and under no other", async () => {
  await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "member" } });
  await ok("DELETE", "/api/stacks/globex/web/dev", { token: world.stranger });
  const preview = await startUpdate(world.member, { dryRun: true });
  await ok("POST", "/api/stacks/acme/web/dev/transfer", { token: world.member, json: { toOrg: "globex" } });
  const renewal = { lease: preview.lease, json: { duration: 300 } };
  await refused(403, "POST", `/api/stacks/globex/web/dev/update/${preview.id}/renew_lease`, renewal);
  await ok("POST", `${preview.path}/renew_lease`, renewal);
  await ok("POST", `${preview.path}/complete`, { lease: preview.lease, json: { status: "succeeded" } });
});

it("takes a lease under a path in another case, as for the stack's own names", async () => {
  await ok("POST", `/api/stacks/ACME/WEB/Dev/update/${update.id}/renew_lease`, { lease: update.lease, json: { duration: 300 } });
});
