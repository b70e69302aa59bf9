import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { call, ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
});

const MEMBERS = "/api/orgs/acme/members";
const demote = (login: string) => (token: string) => call("PATCH", `${MEMBERS}/${login}`, { token, json: { role: "member" } });
const remove = (login: string) => (token: string) => call("DELETE", `${MEMBERS}/${login}`, { token });
const leave = (token: string) => call("DELETE", "/api/user/organizations/acme", { token });

const ways: [string, (token: string) => Promise<Response>, (token: string) => Promise<Response>][] = [
  ["each demotes the other", demote("mel"), demote("ada")],
  ["each demotes oneself", demote("ada"), demote("mel")],
  ["each removes the other", remove("mel"), remove("ada")],
  ["each removes oneself", remove("ada"), remove("mel")],
  ["each leaves", leave, leave],
  ["one leaves, and the other demotes that one", leave, demote("ada")],
  ["one demotes oneself, and the other leaves", demote("ada"), leave],
];

it.each(ways)("two administrators at the same moment leave the organization one of them: %s", async (_, ofAda, ofMel) => {
  const answers = await Promise.all([ofAda(world.admin), ofMel(world.member)]);
  for (const answer of answers) expect(answer.status).toBeLessThan(500);
  const { results } = await env.DB.prepare(
    "SELECT login FROM members JOIN users ON users.id = user_id JOIN organizations ON organizations.id = org_id WHERE organizations.name = 'acme' AND role = 'admin' AND accepted_at IS NOT NULL",
  ).all();
  expect(results).toHaveLength(1);
});
