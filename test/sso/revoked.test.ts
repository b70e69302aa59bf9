import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { encrypt } from "../../src/secrets/cipher.ts";
import { eventsOf } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";
import { newIdp } from "../oidc/support/idp.ts";
import { toBase64, toBase64url } from "../../src/bytes/base64.ts";
import { Browser, CONNECTIONS, type Connected, connect, eve, join, prove, row } from "./support/idp.ts";

const SETTINGS = "/api/orgs/acme/sso/settings";
const STREAM = {
  name: "siem",
  destination: { kind: "https", url: "https://siem.example.com/in" },
};
let world: World;
let acme: Connected;
beforeEach(async () => {
  world = await newWorld();
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
  acme = await connect(world, { name: "Okta" }, "acme", world.member);
  await prove();
});

const stateOf = async () => {
  const { enabled } = await ok<{ enabled: boolean }>("GET", `${CONNECTIONS}/${acme.id}`, { token: world.admin });
  return enabled;
};

describe("the removal of an administrator with tokens=revoke", () => {
  it("disables the connections, identity providers and streams that the person set up, ends what they opened, and names them", async () => {
    const browser = await join(acme);
    const issuer = await newIdp({ ...world, admin: world.member });
    await ok("POST", "/api/orgs/acme/audit-streams", { token: world.member, json: STREAM });
    const kept = await connect(world, { name: "Other" });
    const asks = await shown((await signIn(world.admin)).get("/acme/~/members/mel/remove"));
    for (const thing of ["connection Okta", "identity provider ci", "audit stream siem"]) expect(asks).toContain(thing);
    const events = await eventsOf(() => ok("DELETE", "/api/orgs/acme/members/mel?tokens=revoke", { token: world.admin }));
    expect(await stateOf()).toBe(false);
    expect(await row("SELECT enabled FROM connections WHERE id = ?", kept.id)).toEqual({ enabled: 1 });
    expect(await browser.led(browser.get("/acme"))).toContain("/signin");
    expect(await row("SELECT disabled_at > 0 AS off FROM oidc_issuers WHERE id = ?", issuer.id)).toEqual({ off: 1 });
    expect(await row("SELECT paused_for FROM audit_streams")).toEqual({ paused_for: "revoked" });
    expect(events.map(({ event }) => event)).toEqual(["member-removed"]);
    expect(events[0]!.description).toMatch(
      /^Removed mel, disabled what mel set up \(connection "Okta" \([\w-]+\), identity provider "ci" \([\w-]+\), audit stream "siem" \([\w-]+\)\)\.$/,
    );
    // An administrator enables it again.
    await ok("PATCH", `${CONNECTIONS}/${acme.id}`, { token: world.admin, json: { enabled: true } });
    expect(await stateOf()).toBe(true);
  });

  it("leaves them with tokens=keep, and when the person stays", async () => {
    await changesNothing(() => refused(404, "DELETE", "/api/orgs/acme/members/nobody?tokens=revoke", { token: world.admin }));
    await ok("DELETE", "/api/orgs/acme/members/mel?tokens=keep", { token: world.admin });
    expect(await stateOf()).toBe(true);
  });
});

describe("a leak report", () => {
  /** ada requires single sign-on; the credential of `leaked` has made administrators of the people in `made`. */
  async function requiredBy(emergencyAdmins: string[]): Promise<void> {
    const browser = new Browser();
    await browser.led(acme.idp.visit(browser, "/login/acme/sso?next=%2Facme", { claims: eve({ sub: "ada" }) }));
    await browser.led(browser.post("/login/first", { as: "token", token: world.admin }));
    await ok("PATCH", SETTINGS, { token: world.admin, json: { required: "people", emergencyAdmins } });
  }
  /** mel's membership descends from the token. */
  const descendsFrom = (tokenId: string, login: string) =>
    env.DB.prepare(
      "UPDATE members SET made_with = ?, created_at = ? WHERE user_id = (SELECT id FROM users WHERE login = ?) AND org_id = (SELECT id FROM organizations WHERE name = 'acme')",
    )
      .bind(tokenId, Date.now() - 1000, login)
      .run();
  const admins = async () =>
    (
      await env.DB.prepare(
        "SELECT login FROM users JOIN members ON user_id = id WHERE role = 'admin' AND org_id IN (SELECT id FROM organizations WHERE name = 'acme') ORDER BY login",
      ).all<{
        login: string;
      }>()
    ).results.map(({ login }) => login);

  it("names the connections that it disables", async () => {
    const events = await eventsOf(() => ok("POST", "/api/token-leaks", { json: { token: world.member } }));
    expect(await stateOf()).toBe(false);
    expect(events.map(({ description }) => description).join()).toContain(`connection "Okta" (${acme.id})`);
  });

  it("does not remove the last emergency administrator of an organization that requires single sign-on", async () => {
    const maker = await newOrgToken(world, "maker");
    await requiredBy(["mel"]);
    await descendsFrom(maker.id, "mel");
    const events = await eventsOf(() => ok("POST", "/api/token-leaks", { json: { token: maker.tokenValue } }));
    expect(await admins()).toEqual(["ada", "mel"]);
    expect(events.map(({ description }) => description).join()).toContain(
      "The emergency administrator mel stays, because the organization requires single sign-on.",
    );
  });

  it("removes one who is not the last, and one of an organization without the requirement", async () => {
    const maker = await newOrgToken(world, "maker");
    await requiredBy(["mel", "ada"]);
    await descendsFrom(maker.id, "mel");
    await ok("POST", "/api/token-leaks", { json: { token: maker.tokenValue } });
    expect(await admins()).toEqual(["ada"]);
  });

  it("keeps one administrator where all descend from the token: the emergency administrator, although another is older", async () => {
    const maker = await newOrgToken(world, "maker");
    await requiredBy(["mel"]);
    for (const login of ["ada", "mel"]) await descendsFrom(maker.id, login);
    await env.DB.prepare(
      "UPDATE members SET created_at = created_at - 60000 WHERE user_id = (SELECT id FROM users WHERE login = 'ada')",
    ).run();
    await ok("POST", "/api/token-leaks", { json: { token: maker.tokenValue } });
    expect(await admins()).toEqual(["mel"]);
  });
});

describe("the re-encryption of an organization's secrets", () => {
  const REENCRYPT = "/api/orgs/acme/reencrypt";
  const old = env.ENCRYPTION_KEYS.split(",")[1]!;
  const text = (value: string) => new TextEncoder().encode(value);

  it("gives connections and paused streams the current key, once, and reports what nobody can read", async () => {
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/audit-streams", { token: world.member, json: STREAM });
    await ok("POST", `/api/orgs/acme/audit-streams/${id}/pause`, { token: world.admin });
    const sealed = toBase64url(await encrypt(old, `connection:${acme.id}`, text("s3cret")));
    await env.DB.prepare("UPDATE connections SET client_secret = ?").bind(sealed).run();
    const credentials = toBase64(await encrypt(old, `audit stream ${id}`, text(JSON.stringify({ secret: "whsec" }))));
    await env.DB.prepare("UPDATE audit_streams SET credentials = ?").bind(credentials).run();
    const events = await eventsOf(async () =>
      expect(await ok("POST", REENCRYPT, { token: world.admin })).toEqual({ reencrypted: 2, untouched: 0, unreadable: 0 }),
    );
    expect(events).toMatchObject([{ event: "secrets-reencrypted", userLogin: "ada" }]);
    expect(events[0]!.description).not.toContain("s3cret");
    const after = await row<{ c: string; s: string }>(
      "SELECT client_secret AS c, (SELECT credentials FROM audit_streams) AS s FROM connections",
    );
    expect(after).not.toMatchObject({ c: sealed });
    expect(after).not.toMatchObject({ s: credentials });
    expect(await ok("POST", REENCRYPT, { token: world.admin })).toEqual({ reencrypted: 0, untouched: 2, unreadable: 0 });
    // The secret has not changed, so the sign-in works.
    await join(acme);
    await env.DB.prepare("UPDATE connections SET client_secret = ?")
      .bind(toBase64url(await encrypt(`77:${old.split(":")[1]}`, `connection:${acme.id}`, text("x"))))
      .run();
    expect(await ok("POST", REENCRYPT, { token: world.admin })).toEqual({ reencrypted: 0, untouched: 1, unreadable: 1 });
  });

  it("is for administrators, and touches no other organization", async () => {
    const globex = await connect(world, {}, "globex", world.stranger);
    const sealed = toBase64url(await encrypt(old, `connection:${globex.id}`, text("s")));
    await env.DB.prepare("UPDATE connections SET client_secret = ? WHERE id = ?").bind(sealed, globex.id).run();
    await refused(403, "POST", REENCRYPT, { token: world.billing });
    await refused(404, "POST", REENCRYPT, { token: world.stranger });
    await ok("POST", REENCRYPT, { token: world.admin });
    expect(await row("SELECT client_secret AS c FROM connections WHERE id = ?", globex.id)).toEqual({ c: sealed });
  });
});
