import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { MOST_REMEMBERED, type Place, rememberPlace, rememberedPlace } from "../../src/oidc/place.ts";
import { allow, newRoleId } from "../roles/roles.ts";
import { ok } from "../support/client.ts";
import { type World, newTeam, newWorld } from "../support/world.ts";
import {
  type Idp,
  PublishingIdp,
  allowing,
  exchange,
  goodClaims,
  newIdp,
  newKey,
  notExchanged,
  ofPerson,
  ofTeam,
  setPolicies,
  sharedKey,
} from "./support/idp.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});
const admin = () => ({ token: world.admin });
const sql = (text: string, ...values: unknown[]) =>
  env.DB.prepare(text)
    .bind(...values)
    .run();

/** Exchanges twice, so that the isolate remembers the place. Another isolate then changes something, and this one is not notified. */
async function remembered(idp: Idp, more: Record<string, string> = {}): Promise<void> {
  expect((await exchange(await idp.token(), more)).status).toBe(200);
  expect((await exchange(await idp.token(), more)).headers.get("Server-Timing")).toBe('d1;desc="1"');
}

/** Makes the next exchange in an isolate that remembers the place. */
const refusedNow = async (idp: Idp, more: Record<string, string> = {}) => (await notExchanged(await idp.token(), more)).error_description;
const tokensOf = (idp: Idp) =>
  env.DB.prepare("SELECT count(*) AS n FROM access_tokens WHERE issuer_id = ?").bind(idp.id).first<number>("n");

describe("an isolate that remembers an issuer gives no token", () => {
  it("after the issuer was disabled with the credential that set it up", async () => {
    const { id, tokenValue } = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", {
      ...admin(),
      json: { description: "setup" },
    });
    const idp = await newIdp({ ...world, admin: tokenValue });
    await remembered(idp);
    await ok("DELETE", `/api/user/tokens/${id}?withDescendants=true`, admin());
    expect(await refusedNow(idp)).toContain("disabled");
    expect(await tokensOf(idp)).toBe(2);
  });

  it("after its person lost the membership", async () => {
    const idp = await newIdp(world, [allowing({ tokenType: "personal", userLogin: "mel" })]);
    await remembered(idp, ofPerson("mel"));
    await ok("DELETE", "/api/orgs/acme/members/mel", admin());
    expect(await refusedNow(idp, ofPerson("mel"))).toContain("no such person");
  });

  it("after its role was deleted", async () => {
    const roleID = await newRoleId(world.admin, "reader", allow("stack:read"));
    const idp = await newIdp(world, [allowing({ roleID })]);
    await remembered(idp);
    await ok("DELETE", `/api/orgs/acme/roles/${roleID}?force=true`, admin());
    expect(await refusedNow(idp)).toContain("does not exist any more");
  });

  it("after the organization got another edition", async () => {
    const idp = await newIdp(world);
    await remembered(idp);
    await sql(
      "UPDATE organizations SET edition = 'community', trial_ends_at = 0, settings_version = settings_version + 1 WHERE name = 'acme'",
    );
    expect(await refusedNow(idp)).toContain("Enterprise");
  });

  it("twice for a token that may be exchanged once, and none longer than the issuer allows now", async () => {
    const idp = await newIdp(world);
    await remembered(idp);
    await ok("PATCH", `/api/orgs/acme/oidc/issuers/${idp.id}`, { ...admin(), json: { name: "ci", singleUse: true, maxExpiration: 60 } });
    const token = await idp.token({ jti: "one" });
    const first = await exchange(token);
    expect(await first.json()).toMatchObject({ expires_in: 60 });
    expect(await notExchanged(token)).toMatchObject({ error_description: expect.stringContaining("exchanged before") as string });
    await exchange(await idp.token({ jti: "two" }));
    expect(await notExchanged(token)).toMatchObject({ error_description: expect.stringContaining("exchanged before") as string });
  });

  it("of another team, person or organization", async () => {
    await newTeam(world, "ops");
    await newTeam(world, "web");
    const idp = await newIdp(world, [allowing({ tokenType: "team", teamName: "ops" })]);
    await remembered(idp, ofTeam("ops"));
    for (const name of ["web", "ops\0", "ops\0web", "o\u200bps", "*", "ops%"])
      expect((await exchange(await idp.token(), ofTeam(name))).status, JSON.stringify(name)).toBe(400);
    expect((await exchange(await idp.token())).status).toBe(400);
    expect((await exchange(await idp.token(), ofPerson("ops"))).status).toBe(400);
    // The other organization has the same issuer, with other policies.
    const json = { name: "ci", url: idp.url, jwks: { keys: [(await sharedKey()).jwk] } };
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/globex/oidc/issuers", { token: world.stranger, json });
    const audience = { audience: "urn:pulumi:org:globex" };
    const other = await idp.token({ aud: "urn:pulumi:org:globex" });
    expect(await notExchanged(other, { ...ofTeam("ops"), ...audience })).toMatchObject({ error: "invalid_grant" });
    const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/globex/auth/policies/oidcissuers/${id}`, { token: world.stranger });
    await ok("PATCH", `/api/orgs/globex/auth/policies/${policyId}`, { token: world.stranger, json: { policies: [allowing()] } });
    expect((await exchange(other, audience)).status).toBe(200);
    expect((await exchange(other, audience)).status).toBe(200);
    expect((await exchange(await idp.token())).status).toBe(400);
    expect((await exchange(other)).status).toBe(400);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM access_tokens WHERE issuer_id = ? AND kind = 'team'").bind(id).first("n")).toBe(
      0,
    );
  });

  it("by a policy that named the team in another way than it is written", async () => {
    await newTeam(world, "ops");
    const idp = await newIdp(world, [allowing({ tokenType: "team", teamName: "*web" })]);
    for (const name of ["ops\0web", "ops\nweb", "opsweb"]) expect((await exchange(await idp.token(), ofTeam(name))).status).toBe(400);
    expect(await tokensOf(idp)).toBe(0);
  });
});

it("keys that an administrator set while the issuer answered are not replaced by its answer", async () => {
  const [stolen, trusted] = [await newKey("stolen"), await newKey("trusted")];
  const idp = new PublishingIdp();
  await idp.publish([trusted.jwk]);
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/oidc/issuers", { ...admin(), json: { name: "ci", url: idp.url } });
  const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, admin());
  await setPolicies(world, policyId, [allowing()]);
  // An attacker publishes a key, and an administrator stops trusting the published keys.
  await idp.publish([trusted.jwk, stolen.jwk]);
  const { fetch } = globalThis;
  let isSet = false;
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const answer = await fetch(input, init);
    if (!isSet && String(input instanceof Request ? input.url : input) === `${idp.url}/keys`) {
      isSet = true;
      await ok("PATCH", `/api/orgs/acme/oidc/issuers/${id}`, { ...admin(), json: { name: "ci", jwks: { keys: [trusted.jwk] } } });
    }
    return answer;
  });
  onTestFinished(() => spy.mockRestore());
  expect(await notExchanged(await stolen.sign(goodClaims(idp.url)))).toMatchObject({ error: "invalid_grant" });
  expect(isSet).toBe(true);
  expect(await ok("GET", `/api/orgs/acme/oidc/issuers/${id}`, admin())).toMatchObject({ jwks: { keys: [{ kid: "trusted" }] } });
  expect((await exchange(await trusted.sign(goodClaims(idp.url)))).status).toBe(200);
});

it("an isolate remembers a bounded number of places, for a minute", () => {
  const now = 1_000_000;
  const asked = (i: number) => ({ orgName: `o${i}`, wanted: { tokenType: "organization", name: "", admin: false } as const });
  const place = { issuer: { jwksUri: null, fetchedAt: now } } as Place;
  for (let i = 0; i < 3 * MOST_REMEMBERED; i++) rememberPlace(asked(i), "iss", place, now);
  const known = () => Array.from({ length: 3 * MOST_REMEMBERED }, (_, i) => i).filter((i) => rememberedPlace(asked(i), "iss", now));
  expect(known().length).toBeLessThanOrEqual(MOST_REMEMBERED);
  const last = asked(3 * MOST_REMEMBERED - 1);
  expect(rememberedPlace(last, "iss", now + 59_999)).toBeDefined();
  expect(rememberedPlace(last, "iss", now + 60_000)).toBeUndefined();
  expect(rememberedPlace(last, "iss2", now)).toBeUndefined();
});
