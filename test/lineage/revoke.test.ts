import { beforeEach, expect, it } from "vitest";
import { call, ok } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});
it("smoke", async () => {
  const p = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
  const p2 = await ok<NewToken>("POST", "/api/user/tokens", { token: p.tokenValue });
  const ot = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: p2.tokenValue, json: { name: "ci" , mayRotateItself:true} });
  await ok("POST", "/api/user/token/rotate", { token: ot.tokenValue, json: {} });
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: p2.tokenValue, json: { role: "admin" } });
  await ok("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
  const ot2 = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.stranger, json: { name: "thief" } });
  console.log(JSON.stringify(await ok("GET", `/api/user/tokens/${p.id}/impact`, { token: world.admin }), null, 1));
  console.log(JSON.stringify(await ok("GET", `/api/orgs/acme/tokens/${ot.id}/impact`, { token: world.admin }), null, 1));
  console.log(JSON.stringify(await ok("DELETE", `/api/orgs/acme/members/gus?tokens=revoke`, { token: world.admin }), null, 1));
});
