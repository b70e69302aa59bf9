import { beforeAll, describe, expect, it } from "vitest";
import { orgPermissions } from "../../src/access/permissions.ts";
import { routes } from "../../src/app/routes.ts";
import { recordedEvents } from "../../src/audit/events.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { isPersonOnly } from "../../src/auth/policy.ts";
import { needOf, needs, unseen } from "../../src/rightsize/needs.ts";
import { settledLog } from "../support/audit.ts";
import { call } from "../support/client.ts";
import { addPeople, goodCall, refusedToAll } from "../support/goodCall.ts";
import { newOrgToken, newWorld } from "../support/world.ts";

describe("the table of needs", () => {
  it("has every recorded event, with rights or with the reason why it shows none", () => {
    expect(Object.keys(needs).toSorted()).toEqual(recordedEvents.toSorted());
    for (const [event, need] of Object.entries(needs)) expect(need.shows.length > 0, event).toBe(need.none === undefined);
  });

  it("shows each right of machines by an event, or lists it as unseen", () => {
    const shown = Object.values(needs).flatMap((need) => [need, ...(need.when ?? [])].flatMap((one) => one.shows));
    for (const permission of orgPermissions)
      expect([shown.includes(permission), unseen.includes(permission), isPersonOnly(permission)].filter(Boolean), permission).toHaveLength(
        1,
      );
  });

  it("tells an update from a preview, and a canceled update from one that ended with its token", () => {
    expect(needOf("stack-update-started", "Started a preview").shows).toEqual(["stack:preview"]);
    expect(needOf("stack-update-started", "Started a refresh").shows).toEqual(["stack:write"]);
    expect(needOf("stack-update-canceled", "Canceled an update").shows).toEqual(["stack:cancel_update"]);
    expect(needOf("stack-update-canceled", "Aborted an update").shows).toEqual([]);
    expect(needOf("no-such-event", "").shows).toEqual([]);
  });
});

/** Routes that require a weaker permission than their work: the right depends on the body, or on the kind of the update. */
const checkedLater = new Set([
  "stack:preview",
  "team:list",
  "organization:read",
  "stack_access:read",
  "self",
  "person",
  "public",
  "lease",
  "operator",
]);

describe("every operation of a token that leaves an event", () => {
  const seen: { operationId: string; permission: string; events: AuditEvent[] }[] = [];

  beforeAll(async () => {
    const world = await newWorld();
    await addPeople();
    const { id, tokenValue } = await newOrgToken(world, "robot", { roleID: "admin" });
    for (const { definition } of routes.filter((route) => !refusedToAll.includes(route.definition.operationId))) {
      const { operationId, permission, method } = definition;
      if (permission === "operator" || permission === "public") continue;
      const { path, json, headers, lease } = await goodCall(world, definition);
      const before = new Set((await settledLog()).map((event) => event.id));
      const response = await call(method, path, { ...(permission === "lease" ? { lease } : { token: tokenValue }), json, headers });
      await response.text();
      if (!response.ok) continue;
      const events = (await settledLog()).filter((event) => !before.has(event.id) && event.tokenId === id);
      if (events.length > 0) seen.push({ operationId, permission, events });
    }
  }, 600_000);

  it("shows the right that the operation requires", () => {
    expect(seen.length).toBeGreaterThan(30);
    for (const { operationId, permission, events } of seen) {
      if (checkedLater.has(permission)) continue;
      const shown = events.flatMap(({ event, description }) => needOf(event, description).shows);
      expect(shown, `${operationId}: ${events.map(({ event }) => event).join()}`).toContain(permission);
    }
  });
});
