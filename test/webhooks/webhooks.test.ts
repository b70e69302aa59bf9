import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ownHostFault } from "../../src/http/outgoing.ts";
import { remind } from "../../src/webhooks/remind.ts";
import type { Webhook, WebhookDelivery } from "../../src/webhooks/openapi.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually } from "../support/clock.ts";
import { everythingStored } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";
import {
  Destination,
  HOOKS,
  STACK_HOOKS,
  bindings,
  deliveriesOf,
  examined,
  hookTo,
  newHook,
  newStackHook,
  reachable,
  rowOf,
  runUpdate,
  signaturesOf,
} from "./support/hooks.ts";

let world: World;
let destination: Destination;
beforeEach(async () => {
  world = await newWorld();
  destination = new Destination(9300);
  reachable(destination);
});

const SECRET = "the-secret-of-the-hook";
const arrived = (count: number) => eventually(async () => expect(destination.arrived.length).toBe(count));

describe("webhooks of an organization", () => {
  it("are created, listed, changed and deleted, with events", async () => {
    const path = `${HOOKS}/deploys`;
    const events = await eventsOf(async () => {
      const created = await newHook(world, destination, { name: "deploys", secret: SECRET, groups: ["stacks"] });
      expect(created).toEqual({
        organizationName: "acme",
        name: "deploys",
        displayName: "A webhook",
        payloadUrl: `${destination.url}/in`,
        active: true,
        format: "raw",
        filters: [],
        groups: ["stacks"],
        digest: null,
        hasSecret: true,
        secretCiphertext: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      });
      expect(await ok<Webhook>("GET", path, { token: world.admin })).toEqual(created);
      expect(await ok<Webhook[]>("GET", HOOKS, { token: world.admin })).toEqual([created]);
      const json = hookTo(`${destination.url}/in`, { name: "deploys", groups: ["stacks"], displayName: "Deploys" });
      const changed = await ok<Webhook>("PATCH", path, { token: world.admin, json });
      expect(changed).toEqual({ ...created, displayName: "Deploys" });
      // The same secret again is no change.
      expect(await ok<Webhook>("PATCH", path, { token: world.admin, json: { ...json, secret: SECRET } })).toEqual(changed);
      const other = await ok<Webhook>("PATCH", path, { token: world.admin, json: { ...json, secret: "another" } });
      expect(other.secretCiphertext).not.toBe(created.secretCiphertext);
      expect(await ok<Webhook>("PATCH", path, { token: world.admin, json: { ...json, secret: "__remove-secret" } })).toMatchObject({
        hasSecret: false,
        secretCiphertext: "",
      });
      expect((await call("DELETE", path, { token: world.admin })).status).toBe(204);
    });
    expect(events.map(({ event, description }) => [event, description])).toEqual([
      ["webhook-created", "Added the webhook deploys to localhost:9300 of the organization in the format raw, for group stacks."],
      ["webhook-updated", 'Changed the webhook deploys to localhost:9300 of the organization: display name from "A webhook" to "Deploys".'],
      ["webhook-updated", "Changed the webhook deploys to localhost:9300 of the organization: secret."],
      ["webhook-updated", "Changed the webhook deploys to localhost:9300 of the organization: no secret any more."],
      ["webhook-deleted", "Deleted the webhook deploys to localhost:9300 of the organization."],
    ]);
    expect(await refused(404, "GET", path, { token: world.admin })).toContain("Webhook 'deploys'");
    expect(await env.DB.prepare("SELECT count(*) AS n FROM webhook_cursors").first("n")).toBe(0);
  });

  it("get a name of eight digits if they have none, as the CLI asks", async () => {
    expect((await newHook(world, destination, { name: "" })).name).toMatch(/^[0-9a-f]{8}$/);
  });

  it("send what happens to stacks", async () => {
    await newHook(world, destination, { name: "all" });
    await newStack(world.member);
    const update = await runUpdate(world.member);
    await runUpdate(world.member, { kind: "preview", dryRun: true }, "failed");
    await runUpdate(world.member, { kind: "destroy" }, "failed");
    await ok("DELETE", "/api/stacks/acme/web/dev?force=true", { token: world.admin });
    await arrived(5);
    const user = { name: "mel", githubLogin: "mel", avatarUrl: "" };
    const organization = { name: "acme", githubLogin: "acme", avatarUrl: "" };
    const stack = { user, organization, projectName: "web", stackName: "dev" };
    const json = destination.json();
    const of = (members: object) => expect.objectContaining({ ...stack, ...members }) as unknown;
    expect(json).toContainEqual(of({ action: "created" }));
    expect(json).toContainEqual(
      of({
        updateUrl: "https://stackpass.test/acme/web/dev/updates/1",
        kind: "update",
        result: "succeeded",
        resourceChanges: {},
        isPreview: false,
      }),
    );
    expect(json).toContainEqual(of({ kind: "preview", result: "failed", isPreview: true }));
    expect(json).toContainEqual(of({ kind: "destroy", result: "failed", isPreview: false }));
    expect(json).toContainEqual(expect.objectContaining({ action: "deleted", user: { ...user, name: "ada", githubLogin: "ada" } }));
    expect(destination.kinds().toSorted()).toEqual(["stack", "stack", "stack_preview", "stack_update", "stack_update"]);
    expect(update).toMatch(/^[0-9a-f-]{36}$/);
    const deliveries = await deliveriesOf(world, "all");
    expect(deliveries.map(({ id }) => id).toSorted()).toEqual(destination.arrived.map(({ id }) => id).toSorted());
    for (const one of deliveries) expect(one).toMatchObject({ responseCode: 200, responseBody: "ok", state: "delivered", attempts: 1 });
  });

  it("send only the events of their filters and groups", async () => {
    await newHook(world, destination, { filters: ["update_failed", "token_created"] });
    await newStack(world.member);
    await runUpdate(world.member);
    await runUpdate(world.member, {}, "failed");
    await newOrgToken(world, "ci");
    await examined();
    await arrived(2);
    expect(destination.json()).toContainEqual(expect.objectContaining({ kind: "update", result: "failed" }));
    expect(destination.json()).toContainEqual(expect.objectContaining({ action: "token_created", event: "organization-token-created" }));
  });

  it("send nothing that happened before, nor while they are not active", async () => {
    await newStack(world.member);
    await newHook(world, destination, { name: "late" });
    const json = (active: boolean) => hookTo(`${destination.url}/in`, { active });
    await ok("PATCH", `${HOOKS}/late`, { token: world.admin, json: json(false) });
    await newStack(world.member, "web", "unseen");
    await examined();
    await ok("PATCH", `${HOOKS}/late`, { token: world.admin, json: json(true) });
    await newStack(world.member, "web", "seen");
    await arrived(1);
    expect(destination.json()).toMatchObject([{ action: "created", stackName: "seen" }]);
  });

  it("are known to nobody but administrators", async () => {
    await newHook(world, destination, { name: "secret" });
    for (const token of [world.member, world.billing]) {
      await refused(403, "GET", HOOKS, { token });
      await refused(403, "POST", `${HOOKS}/secret/ping`, { token });
    }
    await refused(404, "GET", HOOKS, { token: world.stranger });
    const permissions = ["organization_webhook:read", "organization_webhook:create"];
    const details = { __type: "PermissionDescriptorAllow", permissions };
    const role = await ok<{ id: string }>("POST", "/api/orgs/acme/roles", { token: world.admin, json: { name: "hooks", details } });
    const reader = await newOrgToken(world, "reader", { roleID: role.id });
    // The rest of an address may be a credential of its receiver.
    expect(await ok<Webhook[]>("GET", HOOKS, { token: reader.tokenValue })).toMatchObject([{ payloadUrl: "https://localhost:9300/…" }]);
    await refused(403, "POST", `${HOOKS}/secret/ping`, { token: reader.tokenValue });
    // Messages about tokens are parts of the audit log.
    await newHook(world, destination, { name: "log", groups: ["tokens", "stacks"] });
    await newOrgToken(world, "ci");
    // The event of the token above may come into the log after the webhook was created.
    await newStack(world.member);
    await eventually(async () =>
      expect(new Set((await deliveriesOf(world, "log")).map(({ kind }) => kind))).toEqual(new Set(["stack", "token"])),
    );
    const seen = await ok<WebhookDelivery[]>("GET", `${HOOKS}/log/deliveries`, { token: reader.tokenValue });
    expect(seen.map(({ kind }) => kind)).toEqual(["stack"]);
    await ok("DELETE", `${HOOKS}/log`, { token: world.admin });
    // A webhook of the organization sends events of all stacks.
    const stacks = [{ project: "web", stack: "*", access: "write" }];
    const limited = await newOrgToken(world, "limited", { roleID: role.id, stacks });
    expect(await refused(403, "POST", HOOKS, { token: limited.tokenValue, json: hookTo(destination.url) })).toContain(
      "limited to certain stacks",
    );
    const machine = await newOrgToken(world, "machine", { admin: true });
    expect(await ok<Webhook[]>("GET", HOOKS, { token: machine.tokenValue })).toHaveLength(1);
    // Events of the audit log need the right to set up a stream, which only people have.
    const json = hookTo(destination.url, { groups: ["tokens"] });
    expect(await refused(403, "POST", HOOKS, { token: machine.tokenValue, json })).toContain("streams of the audit log");
  });
});

describe("what happens because time passes", () => {
  const DAY = 86_400_000;

  it("is told once, and only where somebody waits for it", async () => {
    const expires = Math.floor(Date.now() / 1000) + 20 * 86_400;
    const quiet = await eventsOf(async () => {
      await newOrgToken(world, "ci", { expires });
      expect(await remind(bindings, Date.now() + 7 * DAY)).toBe(0);
    });
    expect(quiet.map(({ event }) => event)).toEqual(["organization-token-created"]);
    await newHook(world, destination, { filters: ["token_expiring", "token_expired", "update_running_long"] });
    await newStack(world.member);
    const { id } = await startUpdate(world.member);
    const now = Date.now();
    const events = await eventsOf(async () => {
      for (const days of [0, 7, 7, 18, 18, 20.5, 20.5]) await remind(bindings, now + days * DAY);
    });
    expect(events.map(({ event }) => event).toSorted()).toEqual([
      "token-expired",
      "token-expires-soon",
      "token-expires-soon",
      "update-runs-long",
    ]);
    expect(events.map(({ description }) => description).join()).toContain(`"acme/web/dev" (${id}) has run for more than an hour.`);
    await arrived(4);
    const actions = destination.json().map(({ action }) => String(action));
    expect(actions.toSorted((a, b) => a.localeCompare(b))).toEqual([
      "token_expired",
      "token_expiring",
      "token_expiring",
      "update_running_long",
    ]);
  });
});

describe("webhooks of a stack", () => {
  beforeEach(() => newStack(world.member));

  it("send the updates of their stack, also after a rename", async () => {
    await newStack(world.member, "web", "other");
    const created = await ok<Webhook>("POST", STACK_HOOKS, { token: world.member, json: hookTo(destination.url, { name: "dev" }) });
    expect(created).toMatchObject({ projectName: "web", stackName: "dev", name: "dev" });
    await runUpdate(world.member, { stack: "web/other" });
    await runUpdate(world.member);
    await ok("POST", "/api/stacks/acme/web/dev/rename", { token: world.admin, json: { newName: "renamed", newProject: "web" } });
    await runUpdate(world.member, { stack: "web/renamed" });
    await examined();
    await arrived(2);
    expect(destination.json().map(({ stackName }) => stackName)).toEqual(["dev", "renamed"]);
    expect(await deliveriesOf(world, "dev", "/api/stacks/acme/web/renamed/hooks")).toHaveLength(2);
  });

  it("end when their stack leaves the organization", async () => {
    await newStackHook(world, destination, { name: "dev" });
    await env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at) SELECT organizations.id, users.id, 'admin', 0 FROM organizations JOIN users WHERE organizations.name = 'globex' AND login = 'ada'",
    ).run();
    await ok("POST", "/api/stacks/acme/web/dev/transfer", { token: world.admin, json: { toOrg: "globex" } });
    expect(await rowOf("dev")).toBeNull();
    expect(await ok<Webhook[]>("GET", "/api/stacks/globex/web/dev/hooks", { token: world.admin })).toEqual([]);
  });

  it("take no filter of the organization", async () => {
    for (const filter of ["stack_deleted", "token_created", "environment_created"])
      expect(
        await refused(400, "POST", STACK_HOOKS, { token: world.member, json: hookTo(destination.url, { filters: [filter] }) }),
      ).toContain(filter);
    for (const group of ["tokens", "environments"])
      await refused(400, "POST", STACK_HOOKS, { token: world.member, json: hookTo(destination.url, { groups: [group] }) });
  });

  it("have names of their own in each stack", async () => {
    await newStack(world.member, "web", "other");
    await newStackHook(world, destination, { name: "same" });
    await newHook(world, destination, { name: "same" });
    await ok("POST", "/api/stacks/acme/web/other/hooks", { token: world.member, json: hookTo(destination.url, { name: "same" }) });
    const json = hookTo(destination.url, { name: "same" });
    expect(await refused(409, "POST", STACK_HOOKS, { token: world.member, json })).toContain("Webhook with name same already exists.");
    await refused(404, "GET", "/api/stacks/acme/web/nothing/hooks", { token: world.member });
    await refused(404, "POST", "/api/stacks/acme/web/nothing/hooks", { token: world.member, json });
  });
});

describe("a message", () => {
  it("has the signatures of Pulumi and of Standard Webhooks, and no answer or store has the secret", async () => {
    const { secret } = await newHook(world, destination, { name: "new", newSecret: true });
    expect(secret).toMatch(/^whsec_/);
    await newHook(world, destination, { name: "own", secret: SECRET, payloadUrl: `${destination.url}/in?key=the-key-in-the-url` });
    for (const [name, key] of [
      ["new", secret!],
      ["own", SECRET],
    ] as const) {
      const ping = await ok<WebhookDelivery>("POST", `${HOOKS}/${name}/ping`, { token: world.admin });
      const message = destination.arrived.at(-1)!;
      const expected = await signaturesOf(key, message);
      expect(message.headers.get("Pulumi-Webhook-Signature")).toBe(expected.pulumi);
      expect(message.headers.get("webhook-signature")).toBe(expected.standard);
      expect(message.headers.get("webhook-id")).toBe(message.id);
      expect(ping).toMatchObject({ id: message.id, kind: "ping", payload: message.body, responseCode: 200, responseBody: "ok" });
      expect(ping.requestHeaders).toContain(`Pulumi-Webhook-ID: ${message.id}\r\n`);
      expect(JSON.stringify(ping)).not.toContain(expected.pulumi);
    }
    expect(destination.arrived.at(-1)!.url).toContain("key=the-key-in-the-url");
    const told = JSON.stringify([await deliveriesOf(world, "own"), await deliveriesOf(world, "new")]) + (await everythingStored([]));
    for (const hidden of [SECRET, secret!, "the-key-in-the-url"]) expect(told).not.toContain(hidden);
  });

  it("hides what a receiver repeats", async () => {
    await newHook(world, destination, { name: "echo", secret: SECRET, payloadUrl: `${destination.url}/in?key=the-key-in-the-url` });
    destination.answer = ({ url }) =>
      new Response(`${url} ${SECRET}`, { headers: { "X-Url": url, "Set-Cookie": "session=1", "X-Other": "kept" } });
    const ping = await ok<WebhookDelivery>("POST", `${HOOKS}/echo/ping`, { token: world.admin });
    expect(JSON.stringify(ping)).not.toMatch(/the-key-in-the-url|the-secret-of-the-hook|session=1/);
    expect(ping.responseHeaders).toContain("x-other: kept\r\n");
  });

  it("is sent again on demand with the same id and body", async () => {
    await newHook(world, destination, { name: "again" });
    await newStack(world.member);
    await arrived(1);
    const [first] = destination.arrived;
    let delivery: WebhookDelivery | undefined;
    const events = await eventsOf(async () => {
      delivery = await ok("POST", `${HOOKS}/again/deliveries/${first!.id}/redeliver`, { token: world.admin });
    });
    expect(events).toMatchObject([{ event: "webhook-event-redelivered", userLogin: "ada" }]);
    expect(delivery).toMatchObject({ id: first!.id, attempts: 2, responseCode: 200 });
    expect(destination.arrived.map(({ id, body }) => [id, body])).toEqual([
      [first!.id, first!.body],
      [first!.id, first!.body],
    ]);
    expect(await deliveriesOf(world, "again")).toHaveLength(1);
    expect(await refused(404, "POST", `${HOOKS}/again/deliveries/nothing/redeliver`, { token: world.admin })).toContain("Webhook event");
  });
});

describe("a destination", () => {
  const senderOf = async (name: string) => {
    const id = String((await rowOf(name))!["id"]);
    return bindings.WEBHOOKS.get(bindings.WEBHOOKS.idFromName(id));
  };
  /** Makes everything that waits due, and runs the object once. */
  async function later(name: string, ms = 0): Promise<void> {
    const sender = await senderOf(name);
    await runInDurableObject(sender as never, async (_, { storage }) => {
      storage.sql.exec("UPDATE deliveries SET next_at = 0, at = at - ? WHERE next_at IS NOT NULL", ms);
      const health = await storage.get<Record<string, number>>("health");
      if (health) await storage.put("health", { ...health, heldUntil: 0, failingSince: health["failingSince"]! - ms });
    });
    await runDurableObjectAlarm(sender as never);
  }
  const attempts = async (name: string, count: number) =>
    eventually(async () => expect((await deliveriesOf(world, name))[0]?.attempts ?? 0).toBe(count));
  beforeEach(() => newHook(world, destination, { name: "d", groups: ["stacks"] }));

  it.each<[string, () => Response | Promise<Response>, number]>([
    ["answers 500", () => new Response("no", { status: 500 }), 500],
    ["redirects", () => new Response(null, { status: 301, headers: { Location: "https://example.com" } }), 301],
    ["is not there", () => Promise.reject(new TypeError("refused")), 0],
    ["closes in the middle", () => new Response(new ReadableStream({ start: (c) => c.error(new Error("closed")) })), 0],
  ])("that %s gets the message again, and then the webhook is well", async (_, bad, status) => {
    destination.answer = bad;
    await newStack(world.member);
    await attempts("d", 1);
    expect((await deliveriesOf(world, "d"))[0]).toMatchObject({
      responseCode: status,
      state: "waiting",
      error: expect.any(String) as string,
    });
    expect(await ok<Webhook>("GET", `${HOOKS}/d`, { token: world.admin })).toMatchObject({
      failing: { error: expect.any(String) as string },
    });
    destination.answer = () => new Response(null, { status: 204 });
    await later("d");
    expect((await deliveriesOf(world, "d"))[0]).toMatchObject({ responseCode: 204, state: "delivered", attempts: 2 });
    expect(await ok<Webhook>("GET", `${HOOKS}/d`, { token: world.admin })).not.toHaveProperty("failing");
    expect(new Set(destination.arrived.map(({ id }) => id)).size).toBe(1);
  });

  it("that answers with a page or without end has taken the message, and the answer is cut", async () => {
    destination.answer = () =>
      new Response(new ReadableStream({ pull: (c) => c.enqueue(new TextEncoder().encode("<html>".repeat(1000))) }), {
        headers: { "Content-Type": "text/html" },
      });
    await newStack(world.member);
    await attempts("d", 1);
    const [delivery] = await deliveriesOf(world, "d");
    expect(delivery).toMatchObject({ responseCode: 200, state: "delivered" });
    expect(delivery!.responseBody).toHaveLength(16 * 1024);
  });

  it("that asks for patience gets no message before that", async () => {
    destination.answer = () => new Response("slow down", { status: 429, headers: { "Retry-After": "600" } });
    await newStack(world.member);
    await attempts("d", 1);
    await newStack(world.member, "web", "second");
    await examined();
    await runDurableObjectAlarm((await senderOf("d")) as never);
    expect(destination.arrived).toHaveLength(1);
    destination.answer = () => new Response("ok");
    await later("d");
    await arrived(3);
  });

  it("that fails does not delay later messages, and a message is given up after a day with one event", async () => {
    destination.answer = ({ body }) => new Response("", { status: body.includes('"dev"') ? 500 : 200 });
    await newStack(world.member);
    await attempts("d", 1);
    await newStack(world.member, "web", "fine");
    await arrived(2);
    destination.answer = () => new Response("", { status: 500 });
    const events = await eventsOf(async () => {
      await later("d", 90_000_000);
      await newStack(world.member, "web", "third");
      await arrived(4);
      await later("d", 90_000_000);
    });
    expect(events.map(({ event }) => event).filter((event) => event !== "stack-created")).toEqual(["webhook-failing"]);
    expect((await deliveriesOf(world, "d")).map(({ state }) => state).toSorted()).toEqual(["delivered", "failed", "failed"]);
  });

  it("that fails for five days makes the webhook inactive", async () => {
    destination.answer = () => new Response("", { status: 500 });
    await newStack(world.member);
    await attempts("d", 1);
    const events = await eventsOf(() => later("d", 6 * 86_400_000));
    expect(events.map(({ event }) => event).toSorted()).toEqual(["webhook-disabled", "webhook-failing"]);
    expect(await ok<Webhook>("GET", `${HOOKS}/d`, { token: world.admin })).toMatchObject({ active: false, disabled: "failing" });
  });

  it("that is gone makes the webhook inactive", async () => {
    destination.answer = () => new Response("", { status: 410 });
    await newStack(world.member);
    await eventually(async () =>
      expect(await ok<Webhook>("GET", `${HOOKS}/d`, { token: world.admin })).toMatchObject({ active: false, disabled: "gone" }),
    );
    expect(await refused(400, "POST", `${HOOKS}/d/deliveries/${destination.arrived[0]!.id}/redeliver`, { token: world.admin })).toContain(
      "not active",
    );
    destination.answer = () => new Response("ok");
    const active = await ok<Webhook>("PATCH", `${HOOKS}/d`, { token: world.admin, json: hookTo(`${destination.url}/in`) });
    expect(active).not.toHaveProperty("disabled");
  });

  it("that hangs delays no other webhook, and a deletion ends the attempt", async () => {
    let aborted = false;
    destination.answer = async (_, signal) => {
      await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      aborted = true;
      throw new DOMException("aborted", "AbortError");
    };
    const other = new Destination(9301);
    reachable(destination, other);
    await newHook(world, other, { name: "other" });
    await newStack(world.member);
    await arrived(1);
    await eventually(async () => expect(other.arrived).toHaveLength(1));
    const sender = await senderOf("d");
    await ok("DELETE", `${HOOKS}/d`, { token: world.admin });
    await eventually(async () => expect(aborted).toBe(true));
    await eventually(async () =>
      expect(await runInDurableObject(sender as never, (_, { storage }) => storage.get("webhookId"))).toBeUndefined(),
    );
    expect(destination.arrived).toHaveLength(1);
  });
});

describe("a webhook of a revoked credential", () => {
  it("is deactivated with it, and an administrator can activate it again", async () => {
    const { id: tokenId, tokenValue } = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin });
    await newHook({ ...world, admin: tokenValue }, destination, { name: "thief" });
    const { created } = await ok<{ created: { items: object[] } }>("GET", `/api/user/tokens/${tokenId}/impact`, { token: world.admin });
    expect(created.items).toMatchObject([{ kind: "webhook", name: "thief" }]);
    const events = await eventsOf(() => ok("DELETE", `/api/user/tokens/${tokenId}?withDescendants=true`, { token: world.admin }));
    expect(events.map(({ description }) => description).join()).toContain("webhook thief (");
    expect(await ok<Webhook>("GET", `${HOOKS}/thief`, { token: world.admin })).toMatchObject({ active: false, disabled: "revoked" });
    await newStack(world.member);
    await examined();
    await ok("PATCH", `${HOOKS}/thief`, { token: world.admin, json: hookTo(`${destination.url}/in`) });
    await newStack(world.member, "web", "seen");
    await arrived(1);
    expect(destination.json()).toMatchObject([{ stackName: "seen" }]);
    expect((await rowOf("thief"))!["made_with"]).not.toBe(tokenId);
  });
});

describe("bad input", () => {
  const bad: [string, Record<string, unknown>, string][] = [
    ["another organization", { organizationName: "globex" }, "Organization name from request body doesn't match URL."],
    ["a stack", { projectName: "web", stackName: "dev" }, "doesn't match URL."],
    ["an environment", { envName: "prod" }, "environments"],
    ["a deployment", { format: "pulumi_deployments" }, "'pulumi_deployments' format can only be used on stack or environment webhooks."],
    ["an unknown format", { format: "xml" }, "raw, slack, ms_teams"],
    ["an unknown filter", { filters: ["stack_exploded"] }, "stack_exploded"],
    ["an unknown group", { groups: ["__proto__"] }, "__proto__"],
    ["a name with a slash", { name: "a/b" }, "webhook name"],
    ["a name that is too long", { name: "a".repeat(33) }, "webhook name"],
    ["a name of dots", { name: ".." }, "webhook names"],
    ["no display name", { displayName: "" }, "displayName"],
    ["a display name with a line break", { displayName: "a\nb" }, "displayName"],
    ["no address", { payloadUrl: "" }, "https://"],
    ["a file", { payloadUrl: "file:///etc/passwd" }, "https://"],
    ["plain HTTP", { payloadUrl: "http://example.com" }, "https://"],
    ["a private address", { payloadUrl: "https://10.0.0.1" }, "private"],
    ["the metadata service", { payloadUrl: "https://169.254.169.254/latest" }, "private"],
    ["a name of the internal network", { payloadUrl: "https://metadata.google.internal" }, "public name"],
    ["a user in the address", { payloadUrl: "https://user:password@example.com" }, "user"],
    ["our own API", { payloadUrl: "https://stackpass.test./api/user" }, "public name"],
    ["a secret with a line break", { secret: "a\nb" }, "secret"],
    ["a secret and a new secret", { secret: "a", newSecret: true }, "not both"],
    ["an empty label", { payloadUrl: "https://localhost../" }, "public name"],
    ["many filters", { filters: Array.from({ length: 101 }, () => "stack_created") }, "100"],
  ];
  it("is refused with its reason", async () => {
    for (const [what, more, message] of bad)
      expect(await refused(400, "POST", HOOKS, { token: world.admin, json: hookTo("https://example.com", more) }), what).toContain(message);
    expect(await ok<Webhook[]>("GET", HOOKS, { token: world.admin })).toEqual([]);
  });

  it("is an address of this service, under each of its names", () => {
    const deployed = { OWN_HOSTS: "console.example.org, stacks.example.net" };
    const fault = (env: object, address: string, host: string) => ownHostFault(env, new URL(address), host);
    for (const address of [
      "https://api.example.com/api/user",
      "https://API.example.com.:8443",
      "https://console.example.org",
      "https://stacks.example.net",
    ])
      expect(fault(deployed, address, "api.example.com"), address).toContain("this service itself");
    expect(fault(deployed, "https://example.com", "api.example.com")).toBeUndefined();
    const local = { LOCAL_DEVELOPMENT: "true" };
    for (const own of ["localhost:8787/in", "LOCALHOST.:8787", "127.0.0.1:8787", "2130706433:8787", "127.1:8787", "[::1]:8787"])
      for (const host of ["localhost:8787", "127.0.0.1:8787", "[::1]:8787"])
        expect(fault(local, `http://${own}`, host), own).toContain("this service itself");
    expect(fault(local, "http://localhost:9300/in", "localhost:8787")).toBeUndefined();
  });

  it("has no effect on the number of webhooks, which is limited", async () => {
    for (let i = 0; i < 50; i++) await newHook(world, destination, { name: `hook-${i}` });
    expect(await refused(400, "POST", HOOKS, { token: world.admin, json: hookTo("https://example.com") })).toContain("at most 50");
    expect(await ok<Webhook[]>("GET", HOOKS, { token: world.admin })).toHaveLength(50);
  });

  it("may have names of features that do not exist", async () => {
    const filters = ["deployment_failed", "policy_violation_mandatory", "environment_created", "change_request_created"];
    expect(await newHook(world, destination, { filters })).toMatchObject({ filters });
  });
});
