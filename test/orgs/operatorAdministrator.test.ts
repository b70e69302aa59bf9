import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { administratorSql } from "../../scripts/administrator.ts";
import { takenName } from "../../scripts/identities.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import { peppersOf } from "../../src/auth/secret.ts";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

/** `npm run first-admin -- --existing`. */
let world: World;
beforeEach(async () => {
  world = await newWorld();
});

async function add(organization: string, login: string): Promise<string> {
  const { sql, token } = await administratorSql(organization, login, peppersOf(env.TOKEN_PEPPER), Date.now());
  const lines = sql.trim().split("\n");
  await env.DB.batch(lines.map((line) => env.DB.prepare(line)));
  return token;
}

it("an operator's administrator opens an organization that refuses all of its administrators, and the log says so", async () => {
  await env.DB.prepare(
    `UPDATE organizations SET sso_required = 'people-and-tokens', max_token_expiry_days = 1, settings_version = settings_version + 1
     WHERE name = 'acme'`,
  ).run();
  await refused(403, "GET", "/api/orgs/acme/tokens", { token: world.admin });
  let token = "";
  const events = await eventsOf(async () => {
    token = await add("ACME", "rescuer");
    await relayLeftovers(env, Date.now());
  });
  expect(events).toMatchObject([
    { event: "member-added", userLogin: "acme", userName: "the operator of this deployment", sourceIp: "", tokenId: "" },
  ]);
  expect(events[0]!.description).toContain("added rescuer as an administrator");

  await ok("PATCH", "/api/orgs/acme/sso/settings", { token, json: { required: "off" } });
  await ok("PATCH", "/api/orgs/acme", { token, json: { setMaxAccessTokenExpiryDays: 0 } });
  await ok("GET", "/api/orgs/acme/tokens", { token: world.admin });
  await refused(404, "GET", "/api/orgs/globex/tokens", { token });
});

it("is refused for an organization that does not exist, and for a login that is taken", async () => {
  const faultOf = (work: Promise<unknown>) => work.then(String, (error: unknown) => takenName(String(error)));
  await changesNothing(async () => {
    expect(await faultOf(add("initech", "rescuer"))).toBe("There is no organization with that name.");
    expect(await faultOf(add("acme", "ADA"))).toBe("A person with that login exists already.");
    expect(await faultOf(add("acme", "globex"))).toBe("An organization has that name: choose another login.");
  });
});
