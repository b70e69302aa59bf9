import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { StackCoordinator } from "../../src/coordinator/coordinator.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { breakDatabase } from "../support/faults.ts";
import { type NewToken, type RunningUpdate, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";
import { coordinator, entries, journal, namesInState } from "../updates/support/ends.ts";

let world: World;
let ci: NewToken;
beforeEach(async () => {
  world = await newWorld();
  ci = await newOrgToken(world, "ci");
  // The administrator creates the stack, because a stack's creator has more rights on it than a member.
  await newStack(world.admin);
});

const set = (json: object) => ok("PATCH", "/api/orgs/acme", { token: world.admin, json });
const renew = (update: RunningUpdate, more: { headers?: Record<string, string>; country?: string } = {}) =>
  call("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 }, ...more });
const write = (update: RunningUpdate) =>
  call("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: entries.slice(0, 1) } });
const statusOf = async (update: RunningUpdate) => (await ok<{ status: string }>("GET", update.path, { token: world.admin })).status;
const alarm = async () => runDurableObjectAlarm(await coordinator());
/**
 * How the log describes the end of an update. The settled log cannot be used: a lease that is refused twice in a short time writes two
 * outbox rows for one event.
 */
async function describedEnd(update: RunningUpdate): Promise<string> {
  await alarm();
  return eventually(async () => {
    const description = await env.DB.prepare(
      "SELECT description FROM audit_events WHERE event IN ('stack-update-canceled', 'stack-update-completed') AND instr(description, ?)",
    )
      .bind(update.id)
      .first<string>("description");
    expect(description).not.toBeNull();
    return description!;
  });
}

async function running(token = ci.tokenValue): Promise<RunningUpdate> {
  const update = await startUpdate(token);
  await journal(update);
  return update;
}

/** Renews the lease every five minutes of the clock. @returns the minutes until a renewal was refused */
async function minutesUntilRefused(update: RunningUpdate, most: number): Promise<number> {
  for (let minutes = 0; minutes <= most; minutes += 5) {
    if ((await renew(update)).status === 403) return minutes;
    laterBy(5 * 60_000);
  }
  return Infinity;
}

describe("a drain", () => {
  it.each([
    ["is deleted", () => ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin })],
    ["is disabled", () => ok("POST", `/api/orgs/acme/tokens/${ci.id}/disable`, { token: world.admin })],
    ["is rotated", () => ok("POST", `/api/orgs/acme/tokens/${ci.id}/rotate`, { token: world.admin, json: {} })],
  ])("of a token that %s ends after the longest time, though its client renews for ever", async (_, end) => {
    await set({ setMaxDrainHours: 1 });
    const update = await running();
    await end();
    expect((await renew(update)).status).toBe(200);
    expect((await write(update)).status).toBe(204);
    const minutes = await minutesUntilRefused(update, 300);
    expect(minutes).toBeGreaterThanOrEqual(55);
    expect(minutes).toBeLessThanOrEqual(65);
    expect((await write(update)).status).toBe(403);
    expect(await describedEnd(update)).toMatch(/^Aborted an update .* The maximum drain time had passed\.$/);
    expect(await statusOf(update)).toBe("cancelled");
    expect(await namesInState(world.admin)).toEqual(["made", "half"]);
    await startUpdate(world.member);
  });

  it("takes at most a day by default", async () => {
    const update = await running();
    await ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    const minutes = await minutesUntilRefused(update, 25 * 60);
    expect(minutes).toBeGreaterThanOrEqual(24 * 60 - 5);
    expect(minutes).toBeLessThanOrEqual(24 * 60 + 5);
  });

  it("is over at its time, by the alarm, also between two renewals", async () => {
    await set({ setMaxDrainHours: 1 });
    const update = await running();
    await ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    for (let minutes = 0; minutes < 58; minutes += 2) {
      expect((await renew(update)).status).toBe(200);
      laterBy(2 * 60_000);
    }
    laterBy(2 * 60_000 + 1);
    expect((await write(update)).status).toBe(403);
    await alarm();
    expect(await statusOf(update)).toBe("cancelled");
  });

  it("is canceled when the token is enabled again", async () => {
    await set({ setMaxDrainHours: 1 });
    const update = await running();
    await ok("POST", `/api/orgs/acme/tokens/${ci.id}/disable`, { token: world.admin });
    for (let minutes = 0; minutes < 30; minutes += 5) {
      expect((await renew(update)).status).toBe(200);
      laterBy(5 * 60_000);
    }
    await ok("POST", `/api/orgs/acme/tokens/${ci.id}/enable`, { token: world.admin });
    expect(await minutesUntilRefused(update, 120)).toBe(Infinity);
  });

  it("of a person who has left begins with the first renewal after that", async () => {
    await set({ setMaxDrainHours: 1 });
    const update = await running(world.member);
    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    expect(await minutesUntilRefused(update, 300)).toBe(60);
  });

  it.each([0, -1, 8761, 1.5, "24"])("cannot be limited to %s hours", async (setMaxDrainHours) => {
    await refused(400, "PATCH", "/api/orgs/acme", { token: world.admin, json: { setMaxDrainHours } });
  });
});

describe("a leak report", () => {
  const report = (token: string) => ok("POST", "/api/token-leaks", { json: { token } });

  it("ends the updates of its token at once, also where updates drain", async () => {
    const update = await running();
    await report(ci.tokenValue);
    expect((await write(update)).status).toBe(403);
    expect((await renew(update)).status).toBe(403);
    expect(await describedEnd(update)).toMatch(/^Aborted an update .* Its token was reported as leaked meanwhile\.$/);
    expect(await statusOf(update)).toBe("cancelled");
  });

  it("ends those of a personal token in every organization, and of no other token", async () => {
    const update = await running(world.member);
    await newStack(world.member, "web", "other");
    const other = await startUpdate(ci.tokenValue, { stack: "web/other" });
    await report(world.member);
    expect((await write(update)).status).toBe(403);
    expect((await write(other)).status).toBe(204);
    expect((await renew(other)).status).toBe(200);
  });

  it("ends one whose object could not be reached at its next renewal", async () => {
    const update = await running();
    await env.DB.prepare("UPDATE access_tokens SET disabled_at = ?, disabled_reason = 'leaked' WHERE id = ?").bind(Date.now(), ci.id).run();
    expect((await renew(update)).status).toBe(403);
    expect((await write(update)).status).toBe(403);
    await alarm();
    expect(await statusOf(update)).toBe("cancelled");
  });

  it("of a token that was deleted before ends its update that still drains", async () => {
    const update = await running();
    await ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    expect((await renew(update)).status).toBe(200);
    await env.DB.prepare("UPDATE access_tokens SET disabled_reason = 'leaked' WHERE id = ?").bind(ci.id).run();
    expect((await renew(update)).status).toBe(403);
  });

  describe("of the token that made an update's token", () => {
    let maker: NewToken;
    let made: NewToken;
    beforeEach(async () => {
      maker = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
      made = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: maker.tokenValue, json: { name: "made" } });
    });

    it("ends the update at once, also where updates drain", async () => {
      const update = await running(made.tokenValue);
      await report(maker.tokenValue);
      expect((await write(update)).status).toBe(403);
      expect(await describedEnd(update)).toMatch(/ The token that created its token was reported as leaked meanwhile\.$/);
    });

    it("ends it at the next renewal when its object could not be reached, and encrypts nothing for it", async () => {
      const update = await running(made.tokenValue);
      const lost = vi.spyOn(StackCoordinator.prototype, "abort").mockRejectedValue(new Error("not reached"));
      onTestFinished(() => lost.mockRestore());
      await report(maker.tokenValue);
      await refused(401, "POST", "/api/stacks/acme/web/dev/encrypt", { token: made.tokenValue, json: { plaintext: "aGk=" } });
      expect((await renew(update)).status).toBe(403);
      expect((await write(update)).status).toBe(403);
    });

    it("ends an update that still drains after the deletion of its own token", async () => {
      const update = await running(made.tokenValue);
      await ok("DELETE", `/api/user/tokens/${maker.id}?withDescendants=true`, { token: world.admin });
      expect((await renew(update)).status).toBe(200);
      await report(maker.tokenValue);
      expect((await renew(update)).status).toBe(403);
    });
  });
});

describe("an update whose starter loses the right to it", () => {
  const losses: [string, () => Promise<RunningUpdate>, () => Promise<unknown>][] = [
    [
      "by being made a billing manager",
      () => running(world.member),
      () => ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "billing-manager" } }),
    ],
    ["by the permission on stacks", () => running(world.member), () => set({ setDefaultStackPermission: 101 })],
    [
      "by a narrower limit of its token",
      () => running(),
      () => ok("PATCH", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin, json: { stacks: [{ project: "web", stack: "prod" }] } }),
    ],
    [
      "by a limit to reading",
      () => running(),
      () =>
        ok("PATCH", `/api/orgs/acme/tokens/${ci.id}`, {
          token: world.admin,
          json: { stacks: [{ project: "*", stack: "*", access: "read" }] },
        }),
    ],
    ["by the policy on expiry", () => running(), () => set({ setMaxAccessTokenExpiryDays: 30, force: true })],
  ];

  it.each(losses)("ends at its next renewal where updates are aborted: %s", async (_, start, lose) => {
    await set({ setInFlightRevocation: "abort" });
    const update = await start();
    expect((await renew(update)).status).toBe(200);
    await lose();
    expect((await renew(update)).status).toBe(403);
    expect((await write(update)).status).toBe(403);
    expect(await describedEnd(update)).toMatch(/^Aborted an update .* The caller that started it lost the right to update the stack\.$/);
  });

  it.each(losses)("may finish within the longest drain otherwise: %s", async (_, start, lose) => {
    await set({ setMaxDrainHours: 1 });
    const update = await start();
    await lose();
    expect(await minutesUntilRefused(update, 300)).toBe(60);
  });

  it("goes on as a preview while its starter may preview, and ends when it may not", async () => {
    await set({ setInFlightRevocation: "abort" });
    const reader = await newOrgToken(world, "reader", { roleID: "read-only" });
    const preview = await startUpdate(reader.tokenValue, { dryRun: true });
    expect((await renew(preview)).status).toBe(200);
    laterBy(5 * 60_000 - 1);
    expect((await renew(preview)).status).toBe(200);
    await ok("PATCH", `/api/orgs/acme/tokens/${reader.id}`, { token: world.admin, json: { stacks: [{ project: "web", stack: "prod" }] } });
    expect((await renew(preview)).status).toBe(403);
  });

  it("of which only the right to previews is left ends", async () => {
    await set({ setInFlightRevocation: "abort" });
    const update = await running(world.member);
    await set({ setDefaultStackPermission: 101 });
    expect((await renew(update)).status).toBe(403);
  });

  it("goes on when the remaining rights are enough", async () => {
    await set({ setInFlightRevocation: "abort" });
    const update = await running(world.member);
    await set({ setDefaultStackPermission: 102, setMembersCanDeleteStacks: false });
    expect((await renew(update)).status).toBe(200);
    expect((await write(update)).status).toBe(204);
  });
});

describe("a renewal from a network", () => {
  const elsewhere = { headers: { "CF-Connecting-IP": "198.51.100.7" } };

  it.each([
    ["the token's networks", { ipAllowList: ["203.0.113.0/24"] }, {}, elsewhere],
    ["the organization's networks", {}, { setAllowedCidrs: ["203.0.113.0/24"] }, elsewhere],
    ["the token's countries", { countryAllowList: ["DE"] }, {}, { country: "FR" }],
    ["no network that is known", { ipAllowList: ["203.0.113.0/24"] }, {}, { headers: { "CF-Connecting-IP": "" } }],
  ] as const)("outside of %s is refused, and one inside is accepted", async (_, limits, settings, from) => {
    const here = "countryAllowList" in limits ? { country: "DE" } : {};
    const token = await newOrgToken(world, "placed", limits);
    await set(settings);
    const created = await ok<{ updateID: string }>("POST", "/api/stacks/acme/web/dev/update", {
      token: token.tokenValue,
      json: {},
      ...here,
    });
    const path = `/api/stacks/acme/web/dev/update/${created.updateID}`;
    const { token: lease } = await ok<{ token: string }>("POST", path, { token: token.tokenValue, json: { journalVersion: 1 }, ...here });
    const update = { id: created.updateID, path, lease, version: 1 };
    const events = await eventsOf(async () => {
      for (let i = 0; i < 3; i++) {
        const response = await renew(update, from);
        expect(response.status).toBe(403);
        expect(((await response.json()) as { message: string }).message).toContain("may not be renewed from your network address");
      }
    });
    expect(events).toMatchObject([{ event: "auth-failure-token-condition", tokenName: "placed", stack: "web/dev" }]);
    // The caller can still renew the lease from an allowed network, and a write does not depend on the network.
    expect((await write(update)).status).toBe(204);
    expect((await renew(update, here)).status).toBe(200);
    expect(await statusOf(update)).toBe("running");
  });

  it("ends no update when the database does not answer", async () => {
    const token = await newOrgToken(world, "placed", { ipAllowList: ["203.0.113.0/24"] });
    const update = await running(token.tokenValue);
    const repair = breakDatabase();
    expect((await renew(update)).status).toBe(200);
    repair();
    expect((await renew(update)).status).toBe(200);
  });
});
