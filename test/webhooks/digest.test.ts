import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { lastDue, nextDue } from "../../src/webhooks/digest.ts";
import { Digests } from "../../src/webhooks/digests.ts";
import type { Webhook, WebhookDelivery } from "../../src/webhooks/openapi.ts";
import { wakeDigests } from "../../src/webhooks/wakeLagging.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";
import {
  Destination,
  HOOKS,
  bindings,
  deliveriesOf,
  examined,
  hookTo,
  newHook,
  newStackHook,
  reachable,
  rowOf,
  runUpdate,
} from "./support/hooks.ts";

const DAY = 86_400_000;

let world: World;
let destination: Destination;
beforeEach(async () => {
  world = await newWorld();
  destination = new Destination(9310);
  reachable(destination);
  // The clock is set, because otherwise it could become 08:00 during the test.
  laterBy(0);
});

const senderOf = async (name: string) => {
  const id = String((await rowOf(name))!["id"]);
  return { id, sender: bindings.WEBHOOKS.get(bindings.WEBHOOKS.idFromName(id)) };
};
/** Sets the clock to the next 08:00 after `ms` from now, and runs the due work of the webhook's object. */
async function morning(name: string, days = 1): Promise<void> {
  laterBy(nextDue("daily", Date.now() + (days - 1) * DAY) - Date.now());
  await act(name);
}
async function act(name: string): Promise<void> {
  const { id, sender } = await senderOf(name);
  await sender.wake(id);
  await eventually(async () => {
    await runDurableObjectAlarm(sender as never);
    expect(await runInDurableObject(sender as never, async (_, { storage }) => (await storage.getAlarm()) ?? 0)).not.toBeLessThanOrEqual(
      Date.now(),
    );
  });
}
interface Counted {
  count: number;
  first: { what: string; count: number; name: string }[];
}
const digests = () => destination.json() as unknown as Record<string, Counted & number & string>[];

describe("the times of digests", () => {
  it("are 08:00 UTC each day, and on Mondays", () => {
    const at = (text: string) => Date.parse(text);
    expect(lastDue("daily", at("2026-11-29T07:59:59.999Z"))).toBe(at("2026-11-28T08:00:00Z"));
    expect(lastDue("daily", at("2026-11-29T08:00:00Z"))).toBe(at("2026-11-29T08:00:00Z"));
    // 2026-11-30 is a Monday.
    expect(lastDue("weekly", at("2026-11-30T07:59:59Z"))).toBe(at("2026-11-23T08:00:00Z"));
    expect(lastDue("weekly", at("2026-11-30T08:00:00Z"))).toBe(at("2026-11-30T08:00:00Z"));
    expect(nextDue("weekly", at("2026-11-30T08:00:00Z"))).toBe(at("2026-12-07T08:00:00Z"));
    fc.assert(
      fc.property(fc.constantFrom("daily" as const, "weekly" as const), fc.integer({ min: 0, max: 4e12 }), (every, now) => {
        const [last, next] = [lastDue(every, now), nextDue(every, now)];
        expect(last <= now && now < next).toBe(true);
        const time = new Date(last);
        expect(time.toISOString().slice(11)).toBe("08:00:00.000Z");
        if (every === "weekly") expect(time.getUTCDay()).toBe(1);
        expect(lastDue(every, last)).toBe(last);
      }),
    );
  });
});

describe("a digest", () => {
  it("takes the place of the events, is sent once a day, and has what happened since the last one", async () => {
    await newStack(world.member);
    const events = await eventsOf(async () => {
      expect(await newHook(world, destination, { name: "daily", digest: "daily" })).toMatchObject({
        digest: "daily",
        filters: [],
        groups: [],
      });
    });
    expect(events.map(({ description }) => description)).toEqual([
      "Added the webhook daily to localhost:9310 of the organization in the format raw, for a daily digest.",
    ]);
    const { tokenValue } = await newOrgToken(world, "ci", { expires: Math.floor(Date.now() / 1000) + 10 * 86_400 });
    await runUpdate(world.member, {}, "failed");
    await runUpdate(world.member);
    for (let i = 0; i < 3; i++) await refused(403, "GET", "/api/orgs/acme/tokens", { token: tokenValue });
    await examined();
    expect(destination.arrived).toEqual([]);
    await morning("daily");
    await eventually(async () => expect(destination.arrived).toHaveLength(1));
    const [digest] = digests();
    expect(destination.arrived[0]!.kind).toBe("digest");
    expect(digest).toMatchObject({
      organization: { name: "acme" },
      digest: "daily",
      tokensUnused: { count: 0, first: [] },
      tokensExpiring: { count: 1, first: [{ name: "ci", kind: "organization" }] },
      refusals: { count: 3, first: [{ what: "the token ci: Auth Failure Organization Role", count: 3 }] },
      failedUpdates: { count: 1, first: [{ what: "update of acme/web/dev by mel", count: 1 }] },
      newTokens: { count: 1, first: [{ what: expect.stringContaining('Created organization token "ci"') as string, count: 1 }] },
      newMembers: { count: 0, first: [] },
    });
    // There is no second digest, however often the object and the cron run.
    for (let i = 0; i < 3; i++) await act("daily");
    expect(await wakeDigests(bindings, Date.now() + 600_000)).toBe(0);
    expect(destination.arrived).toHaveLength(1);
    // The alarms of the objects follow the real clock.
    vi.useRealTimers();
    await runUpdate(world.member, {}, "failed");
    await examined();
    await morning("daily", 2);
    await eventually(async () => expect(destination.arrived).toHaveLength(2));
    expect(digests()[1]).toMatchObject({
      refusals: { count: 0 },
      failedUpdates: { count: 1 },
      newTokens: { count: 0 },
      from: digest!["until"],
    });
  });

  it("covers the whole time when nothing ran for days, in one message", async () => {
    await newHook(world, destination, { name: "late", digest: "daily" });
    await newOrgToken(world, "one");
    await examined();
    await morning("late", 5);
    await eventually(async () => expect(destination.arrived).toHaveLength(1));
    expect(digests()[0]).toMatchObject({ newTokens: { count: 1 } });
    const { from, until } = digests()[0]!;
    expect(until! - from!).toBeGreaterThan(4 * 86_400 - 1);
    await act("late");
    expect(destination.arrived).toHaveLength(1);
  });

  it("is sent on Mondays only, if it is weekly", async () => {
    await newHook(world, destination, { name: "weekly", digest: "weekly" });
    const monday = nextDue("weekly", Date.now());
    laterBy(monday - 1000 - Date.now());
    await act("weekly");
    expect(destination.arrived).toHaveLength(0);
    laterBy(1000);
    await act("weekly");
    await eventually(async () => expect(destination.arrived).toHaveLength(1));
    expect(digests()[0]).toMatchObject({ digest: "weekly" });
  });

  it("is readable in a chat, and fits into its limits with a thousand tokens", async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
       INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, expires_at)
       SELECT 'old-' || i, 'organization', organizations.id, 'token <' || i || '>', '', 'h' || i, 0, 'ada', ? FROM n JOIN organizations ON name = 'acme'`,
    )
      .bind(Date.now() + 10 * DAY)
      .run();
    await newHook(world, destination, { name: "slack", digest: "daily", format: "slack" });
    await newHook(world, destination, { name: "teams", digest: "daily", format: "ms_teams" });
    await morning("slack");
    await act("teams");
    await eventually(async () => expect(destination.arrived).toHaveLength(2));
    const slack = destination.json().find((body) => "blocks" in body) as {
      text: string;
      blocks: { fields?: { text: string; type: string }[] }[];
    };
    expect(slack.text).toMatch(/^❌ Daily digest of acme, 20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d$/);
    const fields = slack.blocks[1]!.fields!;
    expect(fields.length).toBeLessThanOrEqual(10);
    for (const { text, type } of fields) {
      expect(type).toBe("plain_text");
      expect(text.length).toBeLessThanOrEqual(2000);
    }
    expect(fields[0]!.text).toMatch(/^Tokens unused for 90 days: 1000: token <1>, /);
    expect(fields[1]!.text).toMatch(/^Tokens that expire within 14 days: 1000: /);
    expect(fields[2]!.text).toBe("Refusals: none");
    expect(JSON.stringify(destination.json().find((body) => "attachments" in body))).toContain("Tokens unused for 90 days");
  });

  it("that cannot be delivered waits like other messages, and a webhook that was deleted sends none", async () => {
    await newHook(world, destination, { name: "down", digest: "daily" });
    await newHook(world, destination, { name: "gone", digest: "daily" });
    destination.answer = () => new Response("", { status: 500 });
    await morning("down");
    expect(await deliveriesOf(world, "down")).toMatchObject([{ kind: "digest", state: "waiting", attempts: 1, responseCode: 500 }]);
    const { sender } = await senderOf("gone");
    expect((await call("DELETE", `${HOOKS}/gone`, { token: world.admin })).status).toBe(204);
    const before = destination.arrived.length;
    await runDurableObjectAlarm(sender as never);
    expect(destination.arrived).toHaveLength(before);
    expect(await wakeDigests(bindings, Date.now() + 3 * DAY)).toBe(1);
  });

  it("is made by the cron if the object was not told of the webhook", async () => {
    await newHook(world, destination, { name: "lost" });
    await env.DB.prepare("UPDATE webhooks SET digest = 'daily', digest_at = digest_at - 86400000 * 2").run();
    laterBy(0);
    expect(await wakeDigests(bindings, Date.now() + DAY)).toBe(1);
    await eventually(async () => expect(destination.kinds()).toEqual(["digest"]));
    await eventually(async () => expect(await wakeDigests(bindings, Date.now())).toBe(0));
  });

  it("of 50 webhooks is made once for each, also when two runs of the cron are at work", async () => {
    await newHook(world, destination, { name: "first", digest: "daily" });
    await env.DB.batch(
      Array.from({ length: 49 }, (_, i) =>
        env.DB.prepare(
          `INSERT INTO webhooks SELECT 'hook-${i}', org_id, stack_id, 'hook-${i}', display_name, format, filters, groups, sealed, destination,
            secret_tag, active, disabled_for, host, from_seq, version, created_at, modified_at, made_with, failing_since, error, digest, digest_at
            FROM webhooks WHERE name = 'first'`,
        ),
      ),
    );
    await env.DB.prepare("UPDATE webhooks SET digest_at = digest_at - 86400000 * 2").run();
    const woken = await Promise.all([wakeDigests(bindings, Date.now() + DAY), wakeDigests(bindings, Date.now() + DAY)]);
    expect(woken).toEqual([50, 50]);
    const done = () =>
      env.DB.prepare("SELECT count(*) AS n FROM webhooks WHERE digest_at >= ?").bind(lastDue("daily", Date.now())).first("n");
    await eventually(async () => expect(await done()).toBe(50));
    // The addresses of the copied webhooks are encrypted for another webhook, so only the first webhook can send.
    await eventually(async () => expect(destination.kinds()).toEqual(["digest"]));
    for (const i of [0, 48]) {
      const delivered = await deliveriesOf(world, `hook-${i}`);
      expect(delivered.map(({ kind }) => kind)).toEqual(["digest"]);
    }
  });

  it("counts each record once, and long lists in a bounded space", async () => {
    await newHook(world, destination, { name: "many", digest: "daily" });
    const { sender } = await senderOf("many");
    await runInDurableObject(sender as never, async (_, { storage }) => {
      const counts = new Digests(storage.sql);
      const items = Array.from({ length: 300 }, (_unused, i) => ({ seq: 1000 + i, part: "refusals" as const, label: `label ${i % 150}` }));
      counts.collect(items);
      counts.collect(items);
      expect(counts.read().refusals).toMatchObject({ count: 300 });
      expect(counts.read().refusals.first[0]).toEqual({ what: "others", count: 100 });
      expect(storage.sql.exec("SELECT count(*) AS n FROM digest_counts").one()["n"]).toBe(101);
    });
  });
});

describe("the field digest", () => {
  const PATH = `${HOOKS}/one`;
  const patch = (json: Record<string, unknown>) =>
    ok<Webhook>("PATCH", PATH, { token: world.admin, json: hookTo(`${destination.url}/in`, { name: "one", ...json }) });

  it("stays if a change leaves it out, and null ends it", async () => {
    await newHook(world, destination, { name: "one", digest: "weekly" });
    expect(await patch({ displayName: "Other" })).toMatchObject({ digest: "weekly" });
    const events = await eventsOf(async () => {
      expect(await patch({ displayName: "Other", digest: "daily" })).toMatchObject({ digest: "daily" });
      // The clock is stopped, and events of the same time have no defined order.
      laterBy(1);
      expect(await patch({ displayName: "Other", digest: null, groups: ["stacks"] })).toMatchObject({ digest: null, groups: ["stacks"] });
    });
    expect(events.map(({ description }) => description)).toEqual([
      "Changed the webhook one to localhost:9310 of the organization: events from a weekly digest to a daily digest.",
      "Changed the webhook one to localhost:9310 of the organization: events from a daily digest to group stacks.",
    ]);
    await newStack(world.member);
    await eventually(async () => expect(destination.kinds()).toEqual(["stack"]));
    await morning("one", 2);
    expect(destination.kinds()).toEqual(["stack"]);
  });

  it("is refused with other values, with filters, of a stack, and to callers who may not send the log", async () => {
    const create = (json: Record<string, unknown>, token = world.admin) =>
      refused(400, "POST", HOOKS, { token, json: hookTo(destination.url, json) });
    for (const digest of ["hourly", "", 1, {}, ["daily"], "Daily"])
      expect(await create({ digest })).toContain("digest must be daily, weekly or null");
    expect(await create({ digest: "daily", filters: ["update_failed"] })).toContain("filters and groups must be empty");
    expect(await create({ digest: "daily", groups: ["stacks"] })).toContain("filters and groups must be empty");
    await newHook(world, destination, { name: "one", digest: "weekly" });
    const json = hookTo(destination.url, { name: "one", groups: ["stacks"] });
    expect(await refused(400, "PATCH", PATH, { token: world.admin, json })).toContain("or digest must be null");
    await newStack(world.member);
    const ofStack = hookTo(destination.url, { digest: "daily" });
    expect(await refused(400, "POST", "/api/stacks/acme/web/dev/hooks", { token: world.admin, json: ofStack })).toContain(
      "of the organization",
    );
    expect(await newStackHook(world, destination, { digest: null })).toMatchObject({ digest: null });
    const machine = await newOrgToken(world, "machine", { admin: true });
    expect(await refused(403, "POST", HOOKS, { token: machine.tokenValue, json: hookTo(destination.url, { digest: "daily" }) })).toContain(
      "streams of the audit log",
    );
    expect(await refused(403, "PATCH", PATH, { token: machine.tokenValue, json: hookTo(destination.url, { name: "one" }) })).toContain(
      "streams of the audit log",
    );
  });

  it("lets nobody see a digest in the deliveries who may not see the log", async () => {
    await newHook(world, destination, { name: "one", digest: "daily" });
    await morning("one");
    await eventually(async () => expect(await deliveriesOf(world, "one")).toHaveLength(1));
    const details = { __type: "PermissionDescriptorAllow", permissions: ["organization_webhook:read"] };
    const role = await ok<{ id: string }>("POST", "/api/orgs/acme/roles", { token: world.admin, json: { name: "hooks", details } });
    const reader = await newOrgToken(world, "reader", { roleID: role.id });
    expect(await ok<WebhookDelivery[]>("GET", `${PATH}/deliveries`, { token: reader.tokenValue })).toEqual([]);
  });
});
