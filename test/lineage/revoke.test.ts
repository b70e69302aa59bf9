import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;

it("smoke", async () => {
  const p = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
  const p2 = await ok<NewToken>("POST", "/api/user/tokens", { token: p.tokenValue });
  const ot = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: p2.tokenValue, json: { name: "ci" } });
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: p2.tokenValue, json: { role: "admin" } });
  await ok("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
  const ot2 = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.stranger, json: { name: "thief" } });
  const other = await newOrgToken(world, "other");
  let report;
  const events = await eventsOf(async () => {
    report = await ok("DELETE", `/api/user/tokens/${p.id}?withDescendants=true`, { token: world.admin });
  });
  console.log(JSON.stringify(report, null, 1), JSON.stringify(events, null, 1));
  for (const t of [p, p2, ot, ot2]) expect(await works(t.tokenValue)).toBe(false);
  expect(await works(other.tokenValue)).toBe(true);
  await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
});
