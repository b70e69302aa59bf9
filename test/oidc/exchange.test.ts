import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { sweepExchanged } from "../../src/oidc/sweep.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import {
  AUDIENCE,
  PublishingIdp,
  allowing,
  exchange,
  exchanged,
  form,
  goodClaims,
  newIdp,
  newKey,
  notExchanged,
  nowInSeconds,
  ofPerson,
  ofTeam,
  setPolicies,
  sharedKey,
} from "./support/idp.ts";

const ISSUERS = "/api/orgs/acme/oidc/issuers";
let world: World;
beforeEach(async () => {
  world = await newWorld();
});
const admin = () => ({ token: world.admin });
const tokenInfo = (token: string) => ok<{ tokenInfo: { name: string } }>("GET", "/api/user", { token });

describe("an exchange", () => {
  it("gives an organization token that the API accepts, and that no list of tokens contains", async () => {
    const idp = await newIdp(world);
    const claims = { repository: "acme/shop", ref: "refs/heads/main" };
    const answer = await exchanged(await idp.token(claims), { expiration: "600" });
    expect(answer).toEqual({
      access_token: expect.stringMatching(/^pul-[0-9a-f]{40}$/) as string,
      issued_token_type: "urn:pulumi:token-type:access_token:organization",
      token_type: "token",
      expires_in: 600,
      scope: "",
    });
    expect(await tokenInfo(answer.access_token)).toMatchObject({
      githubLogin: "acme",
      tokenInfo: { name: "ci:acme/shop@main", organization: "acme" },
    });
    await newStack(answer.access_token);
    expect(await ok("GET", "/api/orgs/acme/tokens?filter=all", admin())).toEqual({ tokens: [] });
    const { sessions } = await ok<{ sessions: { id: string }[] }>("GET", `${ISSUERS}/${idp.id}/sessions`, admin());
    expect(sessions).toMatchObject([
      { name: "ci:acme/shop@main", type: "organization", issuer: idp.id, subject: goodClaims("")["sub"], status: "active" },
    ]);
    expect(await ok("GET", `${ISSUERS}/${idp.id}`, admin())).toHaveProperty("lastUsed");
  });

  it("reads JSON as well as a form, with an expiration that is a number", async () => {
    const idp = await newIdp(world);
    const json = { ...form(await idp.token()), expiration: 60 };
    expect(await ok("POST", "/api/oauth/token", { json })).toMatchObject({ expires_in: 60 });
  });

  it("reads the body of the action pulumi/auth-actions, with and without its optional members", async () => {
    const idp = await newIdp(world, [allowing(), allowing({ tokenType: "team", teamName: "ops" })]);
    await newTeam(world, "ops");
    const action = async (kind: string, more: { expiration?: number; scope?: string }) => {
      const body = `{"audience":"urn:pulumi:org:acme","grant_type":"urn:ietf:params:oauth:grant-type:token-exchange","subject_token_type":"urn:ietf:params:oauth:token-type:id_token","requested_token_type":"urn:pulumi:token-type:access_token:${kind}","subject_token":"${await idp.token()}"}`;
      const headers = { Accept: "application/json, text/plain, */*", "Content-Type": "application/json", "User-Agent": "axios/1.9.0" };
      return ok("POST", "/api/oauth/token", { body: JSON.stringify({ ...(JSON.parse(body) as object), ...more }), headers });
    };
    expect(await action("organization", {})).toMatchObject({ expires_in: 7200, scope: "" });
    expect(await action("team", { expiration: 600, scope: "team:ops" })).toMatchObject({ expires_in: 600, scope: "team:ops" });
  });

  it("takes one round trip when the isolate remembers the issuer, and obeys every change at once", async () => {
    const idp = await newIdp(world, [allowing({ tokenType: "team", teamName: "ops" })]);
    await newTeam(world, "ops");
    const roundTrips = async () => {
      const response = await exchange(await idp.token(), ofTeam("ops"));
      return response.status === 200 ? response.headers.get("Server-Timing") : (await response.json<{ error: string }>()).error;
    };
    const [first, remembered] = ['d1;desc="2"', 'd1;desc="1"'];
    expect([await roundTrips(), await roundTrips()]).toEqual([first, remembered]);
    // The isolate is not notified of changes, because another isolate could make them.
    await setPolicies(world, idp.policyId, [allowing({ tokenType: "team", teamName: "web" })]);
    expect([await roundTrips(), await roundTrips()]).toEqual(["invalid_grant", "invalid_grant"]);
    await setPolicies(world, idp.policyId, [allowing({ tokenType: "team", teamName: "ops" })]);
    expect([await roundTrips(), await roundTrips()]).toEqual([first, remembered]);
    await ok("PATCH", `${ISSUERS}/${idp.id}`, { ...admin(), json: { name: "ci", jwks: { keys: [(await newKey("other")).jwk] } } });
    expect(await roundTrips()).toBe("invalid_grant");
    await ok("PATCH", `${ISSUERS}/${idp.id}`, { ...admin(), json: { name: "ci", jwks: { keys: [(await sharedKey()).jwk] } } });
    expect([await roundTrips(), await roundTrips()]).toEqual([first, remembered]);
    await ok("DELETE", "/api/orgs/acme/teams/ops", admin());
    expect(await roundTrips()).toBe("invalid_grant");
    await newTeam(world, "ops");
    expect([await roundTrips(), await roundTrips()]).toEqual([first, remembered]);
    await ok("DELETE", `${ISSUERS}/${idp.id}`, admin());
    expect(await roundTrips()).toBe("invalid_grant");
  });

  it("lasts as long as is asked for, two hours without a wish, and never longer than the issuer allows", async () => {
    const idp = await newIdp(world, [allowing()], { maxExpiration: 9000 });
    const lifetime = async (expiration: string) => (await exchanged(await idp.token(), { expiration })).expires_in;
    expect([await lifetime("60"), await lifetime(""), await lifetime("90000")]).toEqual([60, 7200, 9000]);
    const stored = await env.DB.prepare("SELECT max(expires_at - created_at) AS most FROM access_tokens WHERE issuer_id = ?")
      .bind(idp.id)
      .first("most");
    expect(stored).toBe(9_000_000);
    for (const expiration of ["0", "-1", "1.5", "soon"])
      expect(await notExchanged(await idp.token(), { expiration })).toMatchObject({ error: "invalid_request" });
  });

  it("is recorded with its subject, and every action names the token by its pipeline", async () => {
    const { jwk, sign } = await newKey("github");
    const url = "https://token.actions.githubusercontent.com";
    const { id } = await ok<{ id: string }>("POST", ISSUERS, {
      ...admin(),
      json: {
        name: "github",
        jwks: { keys: [jwk] },
        preset: { kind: "github-actions", owner: "acme", repository: "shop", branch: "main" },
      },
    });
    const github = await ok<{ id: string }>("GET", `${ISSUERS}/${id}`, admin());
    const claims = { repository: "acme/shop", ref: "refs/heads/main", event_name: "push", run_id: "77" };
    let token = "";
    const events = await eventsOf(async () => {
      token = (await exchanged(await sign(goodClaims(url, claims)))).access_token;
      await newStack(token);
    });
    expect(events).toMatchObject([
      { event: "organization-token-created-for-oidc-issuer", userLogin: "acme", tokenName: "github:acme/shop@main" },
      { event: "stack-created", userLogin: "acme", tokenName: "github:acme/shop@main" },
    ]);
    expect(events[0]!.description).toContain(
      "Subject: repo:acme/shop:ref:refs/heads/main. Run: https://github.com/acme/shop/actions/runs/77.",
    );
    expect(events[0]!.tokenId).toBe(events[1]!.tokenId);
    expect(JSON.stringify(events)).not.toContain(token);
    const { sessions } = await ok<{ sessions: { run: string }[] }>("GET", `${ISSUERS}/${github.id}/sessions`, admin());
    expect(sessions[0]!.run).toBe("https://github.com/acme/shop/actions/runs/77");
  });

  it("gives a token whose end and whose additions can be told in a header, whatever its pipeline is called", async () => {
    const idp = await newIdp(world, [allowing({ authorizedPermissions: ["admin"] })]);
    for (const repository of ["acme/日本", "acme/é", "acme/💩", "a\u0000b\r\nX-Injected: 1", "\u202e"]) {
      const { access_token: token } = await exchanged(await idp.token({ repository }), { scope: "admin" });
      await ok("POST", "/api/orgs/acme/members/gus", { token, json: { role: "member" } });
      const headers = { "User-Agent": "pulumi-cli/1 (v3.259.0; linux; cmd=whoami)" };
      // Of another token the isolate may remember who its person was.
      const { tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.stranger });
      const added = await call("GET", "/api/user", { token: tokenValue, headers });
      expect([added.status, added.headers.get("X-Pulumi-Warning")]).toEqual([
        200,
        expect.stringContaining("you were added to acme by ci:"),
      ]);
      expect(added.headers.has("X-Injected")).toBe(false);
      await ok("DELETE", `${ISSUERS}/${idp.id}/sessions`, admin());
      const ended = await call("GET", "/api/user", { token });
      expect([ended.status, ended.headers.get("X-Pulumi-Warning")]).toEqual([401, expect.stringContaining("was deleted on")]);
      expect(ended.headers.has("X-Injected")).toBe(false);
      // The addition has ended with the token.
      await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    }
  });

  it("gives the token of a team, and of no other team", async () => {
    await newTeam(world, "ops");
    await newTeam(world, "web");
    const idp = await newIdp(world, [{ ...allowing({ tokenType: "team" }), teamName: "op?" }]);
    const { access_token: token, scope } = await exchanged(await idp.token(), ofTeam("OPS"));
    expect(scope).toBe("team:OPS");
    expect(await tokenInfo(token)).toMatchObject({ tokenInfo: { team: "ops", organization: "" } });
    expect(await notExchanged(await idp.token(), ofTeam("web"))).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await notExchanged(await idp.token(), ofTeam("op"))).toMatchObject({
      error_description: expect.stringContaining("no such team") as string,
    });
    expect(await notExchanged(await idp.token())).toMatchObject({ error: "invalid_grant" });
    await ok("DELETE", "/api/orgs/acme/teams/ops", admin());
    await refused(401, "GET", "/api/stacks/acme/web/dev", { token });
  });

  it("gives a token of a person that is valid in this organization only, and makes nothing of people", async () => {
    // ada also administers globex.
    await env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at) SELECT organizations.id, users.id, 'admin', 0 FROM organizations, users WHERE organizations.name = 'globex' AND login = 'ada'",
    ).run();
    await newStack(world.member);
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "theirs" } });
    const idp = await newIdp(world, [{ ...allowing({ tokenType: "personal" }), userLogin: "Ada" }]);
    const { access_token: token } = await exchanged(await idp.token(), ofPerson("ada"));
    expect(await ok("GET", "/api/user", { token })).toMatchObject({ githubLogin: "ada", organizations: [{ githubLogin: "acme" }] });
    const { stacks } = await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token });
    expect(stacks).toMatchObject([{ orgName: "acme", stackName: "dev" }]);
    await refused(404, "GET", "/api/stacks/globex/web/theirs", { token });
    await refused(404, "GET", "/api/orgs/globex/tokens", { token });
    expect(await ok("GET", "/api/orgs/acme/tokens", { token })).toEqual({ tokens: [] });
    // With these calls the token could get more rights than the policy gives.
    await refused(403, "POST", "/api/user/tokens", { token, json: {} });
    await refused(403, "POST", "/api/orgs/acme/tokens", { token, json: { name: "more" } });
    await refused(403, "POST", ISSUERS, { token, json: { name: "x", url: "https://x.example.com" } });
    await refused(403, "PATCH", "/api/orgs/acme/members/bill", { token, json: { role: "admin" } });
    expect(await ok("GET", "/api/user/tokens", admin())).toMatchObject({ tokens: [{ type: "personal" }] });
    const events = await eventsOf(() => ok("POST", "/api/stacks/acme/web", { token, json: { stackName: "new" } }));
    expect(events).toMatchObject([{ event: "stack-created", userLogin: "ada", tokenName: expect.stringMatching(/^ci:/) as string }]);
    expect(await notExchanged(await idp.token(), ofPerson("gus"))).toMatchObject({ error: "invalid_grant" });
  });

  it("gives no token of a person who is not a member, or has not accepted", async () => {
    const person = (userLogin: string) => ({ ...allowing({ tokenType: "personal" }), userLogin });
    const idp = await newIdp(world, [person("gus"), person("mel"), person("nobody")]);
    for (const login of ["gus", "nobody"])
      expect(await notExchanged(await idp.token(), ofPerson(login))).toMatchObject({
        error_description: expect.stringContaining("no such person") as string,
      });
    const { access_token: token } = await exchanged(await idp.token(), ofPerson("mel"));
    await ok("DELETE", "/api/orgs/acme/members/mel", admin());
    expect(await notExchanged(await idp.token(), ofPerson("mel"))).toMatchObject({ error: "invalid_grant" });
    await refused(404, "POST", "/api/stacks/acme/web", { token, json: { stackName: "x" } });
  });

  it("gives the role of the policy, and the role Admin only with the scope and the permission", async () => {
    const idp = await newIdp(world, [allowing({ roleID: "read-only" })]);
    const { access_token: reader } = await exchanged(await idp.token());
    await refused(403, "POST", "/api/stacks/acme/web", { token: reader, json: { stackName: "x" } });
    expect(await notExchanged(await idp.token(), { scope: "admin" })).toMatchObject({ error: "invalid_grant" });
    await setPolicies(world, idp.policyId, [allowing({ authorizedPermissions: ["admin"] })]);
    const { access_token: standard } = await exchanged(await idp.token());
    await refused(403, "GET", "/api/orgs/acme/tokens", { token: standard });
    const { access_token: root, scope } = await exchanged(await idp.token(), { scope: "admin" });
    expect(scope).toBe("admin");
    await ok("GET", "/api/orgs/acme/tokens", { token: root });
    await refused(403, "POST", "/api/orgs/acme/tokens", { token: root, json: { name: "more" } });
    await setPolicies(world, idp.policyId, [allowing({ roleID: "read-only" }), allowing({ roleID: "billing-manager" })]);
    expect(await notExchanged(await idp.token())).toMatchObject({
      error: "invalid_request",
      error_description: expect.stringContaining("different roles") as string,
    });
  });

  it("gives a custom role, and none that was deleted", async () => {
    const details = { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] };
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/roles", { ...admin(), json: { name: "reader", details } });
    const idp = await newIdp(world, [allowing({ roleID: id })]);
    await newStack(world.member);
    const { access_token: token } = await exchanged(await idp.token());
    await ok("GET", "/api/stacks/acme/web/dev", { token });
    await refused(403, "POST", "/api/stacks/acme/web", { token, json: { stackName: "x" } });
    await ok("DELETE", `/api/orgs/acme/roles/${id}?force=true`, admin());
    expect(await notExchanged(await idp.token())).toMatchObject({
      error_description: expect.stringContaining("does not exist any more") as string,
    });
    await refused(403, "GET", "/api/stacks/acme/web/dev", { token });
  });

  it("limits the token to the stacks of the policy, with the claims in the patterns", async () => {
    const idp = await newIdp(world, [allowing({ stacks: [{ project: "{repository_name}", stack: "{environment}-*", access: "write" }] })]);
    const claims = { repository: "acme/shop", environment: "dev" };
    const { access_token: token } = await exchanged(await idp.token(claims));
    await ok("POST", "/api/stacks/acme/shop", { token, json: { stackName: "dev-1" } });
    await refused(403, "POST", "/api/stacks/acme/shop", { token, json: { stackName: "prod-1" } });
    await refused(403, "POST", "/api/stacks/acme/other", { token, json: { stackName: "dev-1" } });
    for (const environment of ["*", "a/b", "", undefined, ["x", "y"], "x".repeat(101)])
      expect(await notExchanged(await idp.token({ ...claims, environment }))).toMatchObject({
        error_description: expect.stringContaining("cannot be part of the name of a stack") as string,
      });
  });

  it("is exempt from the policy on expiry, which refuses other tokens", async () => {
    const idp = await newIdp(world);
    await ok("PATCH", "/api/orgs/acme", { ...admin(), json: { setMaxTokenExpiryDays: 1 } }).catch(() => undefined);
    await env.DB.prepare(
      "UPDATE organizations SET max_token_expiry_days = 1, settings_version = settings_version + 1 WHERE name = 'acme'",
    ).run();
    const { access_token: token } = await exchanged(await idp.token(), { expiration: "90000" });
    await newStack(token);
  });

  it("needs an edition with organization tokens", async () => {
    const idp = await newIdp(world);
    await env.DB.prepare("UPDATE organizations SET edition = 'community', trial_ends_at = 0 WHERE name = 'acme'").run();
    expect(await notExchanged(await idp.token())).toMatchObject({
      error: "invalid_grant",
      error_description: expect.stringContaining("Enterprise") as string,
    });
  });
});

describe("an exchanged token ends", () => {
  const isRefused = (token: string) => refused(401, "POST", "/api/stacks/acme/web", { token, json: { stackName: crypto.randomUUID() } });
  const works = (token: string) => ok("POST", "/api/stacks/acme/web", { token, json: { stackName: crypto.randomUUID() } });

  it("at once with its issuer, and its running updates with it", async () => {
    await env.DB.prepare("UPDATE organizations SET in_flight_revocation = 'abort' WHERE name = 'acme'").run();
    const idp = await newIdp(world);
    const { access_token: token } = await exchanged(await idp.token());
    await newStack(token);
    const { path, lease } = await startUpdate(token);
    await ok("DELETE", `${ISSUERS}/${idp.id}`, admin());
    await isRefused(token);
    const journal = await call("PATCH", `${path}/journalentries`, { lease, json: { entries: [] } });
    expect(journal.status).toBeGreaterThanOrEqual(400);
    expect(await notExchanged(await idp.token())).toMatchObject({ error: "invalid_grant" });
  });

  it("at once when the policy allows less, and not when it allows more", async () => {
    const idp = await newIdp(world);
    const { access_token: token } = await exchanged(await idp.token());
    await setPolicies(world, idp.policyId, [allowing({ rules: { sub: "other" } }), allowing()]);
    await works(token);
    await setPolicies(world, idp.policyId, [allowing({ rules: { sub: "other" } })]);
    await isRefused(token);
    await setPolicies(world, idp.policyId, [allowing()]);
    const { access_token: again } = await exchanged(await idp.token());
    await setPolicies(world, idp.policyId, [allowing(), allowing({ decision: "deny", rules: { event_name: "x" } })]);
    await isRefused(again);
  });

  it("at once when a key of its issuer is taken away", async () => {
    const idp = await newIdp(world);
    const { access_token: token } = await exchanged(await idp.token());
    const { jwk } = await newKey("next");
    await ok("PATCH", `${ISSUERS}/${idp.id}`, { ...admin(), json: { name: "ci", jwks: { keys: [jwk] } } });
    await isRefused(token);
    expect(await notExchanged(await idp.token())).toMatchObject({ error: "invalid_grant" });
  });

  it("only by itself, if the issuer's settings say so", async () => {
    const idp = await newIdp(world, [allowing()], { endsSessions: false });
    const { access_token: token } = await exchanged(await idp.token());
    await setPolicies(world, idp.policyId, [allowing({ rules: { sub: "other" } })]);
    await works(token);
    await ok("DELETE", `${ISSUERS}/${idp.id}`, admin());
    await works(token);
    await env.DB.prepare("UPDATE access_tokens SET expires_at = ? WHERE issuer_id = ?")
      .bind(Date.now() - 1, idp.id)
      .run();
    await isRefused(token);
  });

  it("by its session, which a machine cannot end", async () => {
    const idp = await newIdp(world);
    const [one, other] = [await exchanged(await idp.token()), await exchanged(await idp.token())];
    const list = () => ok<{ sessions: { id: string }[] }>("GET", `${ISSUERS}/${idp.id}/sessions`, admin());
    const { sessions } = await list();
    expect(sessions).toHaveLength(2);
    const machine = await newOrgToken(world, "root", { admin: true });
    const path = (id: string) => `${ISSUERS}/${idp.id}/sessions/${id}`;
    await refused(403, "DELETE", path(sessions[0]!.id), { token: machine.tokenValue });
    // The organization's own tokens are not sessions of the issuer.
    await refused(404, "DELETE", path(machine.id), admin());
    const events = await eventsOf(() => ok("DELETE", path(sessions[0]!.id), admin()));
    expect(events).toMatchObject([{ event: "oidc-session-ended", userLogin: "ada" }]);
    await isRefused(other.access_token);
    await works(one.access_token);
    expect((await list()).sessions.map(({ id }) => id)).toEqual([sessions[1]!.id]);
    expect(await eventsOf(() => ok("DELETE", path(sessions[0]!.id), admin()))).toEqual([]);
  });

  it("as every other token: deleted, disabled or found in public, but neither changed nor rotated", async () => {
    const idp = await newIdp(world);
    const { access_token: token } = await exchanged(await idp.token());
    const { id } = (await ok<{ sessions: { id: string }[] }>("GET", `${ISSUERS}/${idp.id}/sessions`, admin())).sessions[0]!;
    const path = `/api/orgs/acme/tokens/${id}`;
    expect(await ok("GET", path, admin())).toMatchObject({ id, issuer: idp.id });
    for (const [method, to, json] of [
      ["PATCH", path, { expires: nowInSeconds() + 86_400 }],
      ["POST", `${path}/rotate`, {}],
    ] as const)
      expect(await refused(409, method, to, { ...admin(), json })).toContain("only ended");
    await ok("POST", `${path}/disable`, admin());
    await isRefused(token);
    await ok("POST", `${path}/enable`, admin());
    await works(token);
    await ok("POST", "/api/token-leaks", { json: { token } });
    await isRefused(token);
    const { access_token: next } = await exchanged(await idp.token());
    await works(next);
  });

  it("with everything that the token created which set up its issuer, and the issuer is disabled", async () => {
    const idp = await newIdp(world, []);
    const setUp = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { ...admin(), json: {} });
    await ok("PATCH", `/api/orgs/acme/auth/policies/${idp.policyId}`, { token: setUp.tokenValue, json: { policies: [allowing()] } });
    const { access_token: token } = await exchanged(await idp.token());
    const impact = await ok<{ created: { items: { kind: string }[] } }>("GET", `/api/user/tokens/${setUp.id}/impact`, admin());
    expect(impact.created.items.map(({ kind }) => kind).sort()).toEqual(["issuer", "organization"]);
    const events = await eventsOf(async () => {
      const report = await ok<{ ended: { kind: string; name: string }[] }>(
        "DELETE",
        `/api/user/tokens/${setUp.id}?withDescendants=true`,
        admin(),
      );
      expect(report.ended.map(({ kind }) => kind).sort()).toEqual(["issuer", "organization"]);
    });
    expect(events[0]!.description).toContain(`identity provider "ci" (${idp.id})`);
    await isRefused(token);
    expect(await notExchanged(await idp.token())).toMatchObject({ error_description: expect.stringContaining("disabled") as string });
    expect(await ok("GET", `${ISSUERS}/${idp.id}`, admin())).toHaveProperty("disabled");
    await setPolicies(world, idp.policyId, [allowing()]);
    expect(await ok("GET", `${ISSUERS}/${idp.id}`, admin())).not.toHaveProperty("disabled");
    await exchanged(await idp.token());
  });

  it("with a leak of the token that set up its issuer", async () => {
    const idp = await newIdp(world, []);
    const setUp = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { ...admin(), json: {} });
    await ok("PATCH", `/api/orgs/acme/auth/policies/${idp.policyId}`, { token: setUp.tokenValue, json: { policies: [allowing()] } });
    const { access_token: token } = await exchanged(await idp.token());
    await ok("POST", "/api/token-leaks", { json: { token: setUp.tokenValue } });
    await isRefused(token);
    expect(await notExchanged(await idp.token())).toMatchObject({ error: "invalid_grant" });
  });

  it("with the removal of the person who set up its issuer, if asked for", async () => {
    const idp = await newIdp(world, []);
    await env.DB.prepare("UPDATE members SET role = 'admin' WHERE user_id = (SELECT id FROM users WHERE login = 'mel')").run();
    await ok("PATCH", `/api/orgs/acme/auth/policies/${idp.policyId}`, { token: world.member, json: { policies: [allowing()] } });
    const { access_token: token } = await exchanged(await idp.token());
    await ok("DELETE", "/api/orgs/acme/members/mel?tokens=revoke", admin());
    await isRefused(token);
    expect(await notExchanged(await idp.token())).toMatchObject({ error_description: expect.stringContaining("disabled") as string });
  });
});

describe("a token of an issuer", () => {
  it("can be exchanged again, or only once if the issuer says so", async () => {
    const idp = await newIdp(world);
    const token = await idp.token({ jti: "1" });
    await exchanged(token);
    await exchanged(token);
    await ok("PATCH", `${ISSUERS}/${idp.id}`, { ...admin(), json: { name: "ci", singleUse: true } });
    const results = await Promise.all([exchange(token), exchange(token), exchange(token)]);
    expect(results.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400, 400]);
    expect(await notExchanged(token)).toMatchObject({ error_description: expect.stringContaining("exchanged before") as string });
    expect(await notExchanged(await idp.token())).toMatchObject({ error_description: expect.stringContaining("jti") as string });
    await exchanged(await idp.token({ jti: "2" }));
  });

  it("must be meant for this organization or this deployment, or for an audience that the issuer or a policy names", async () => {
    const idp = await newIdp(world);
    for (const aud of ["https://github.com/acme", "urn:pulumi:org:globex", [], ["x", "y"], undefined, 7])
      expect(await notExchanged(await idp.token({ aud }))).toMatchObject({
        error_description: expect.stringContaining("not meant for this service") as string,
      });
    await exchanged(await idp.token({ aud: ["x", AUDIENCE] }));
    await exchanged(await idp.token({ aud: "https://stackpass.test" }));
    await ok("PATCH", `${ISSUERS}/${idp.id}`, { ...admin(), json: { name: "ci", audiences: ["vault"] } });
    await exchanged(await idp.token({ aud: "vault" }));
    await setPolicies(world, idp.policyId, [allowing({ rules: { aud: "ari:cloud", sub: "*" } })]);
    await exchanged(await idp.token({ aud: "ari:cloud" }));
    await setPolicies(world, idp.policyId, [allowing({ rules: { aud: "ari:*", sub: "*" } })]);
    expect(await notExchanged(await idp.token({ aud: "ari:cloud" }))).toMatchObject({ error: "invalid_grant" });
  });

  it("is accepted after a rotation of the issuer's keys, and a flood of unknown keys reads them once", async () => {
    const [first, second, stranger] = [await newKey("1"), await newKey("2"), await newKey("3")];
    const idp = new PublishingIdp();
    await idp.publish([first.jwk]);
    const { id } = await ok<{ id: string }>("POST", ISSUERS, { ...admin(), json: { name: "ci", url: idp.url } });
    const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, admin());
    await setPolicies(world, policyId, [allowing()]);
    await exchanged(await first.sign(goodClaims(idp.url)));
    expect(await idp.reads()).toBe(1);
    await idp.publish([second.jwk]);
    await exchanged(await second.sign(goodClaims(idp.url)));
    expect(await idp.reads()).toBe(2);
    // The keys were just read because of an unknown key, and are not read again at once.
    await idp.publish([first.jwk]);
    expect(await notExchanged(await first.sign(goodClaims(idp.url)))).toMatchObject({ error: "invalid_grant" });
    await idp.publish([second.jwk]);
    // The issuer does not publish the first key any more.
    expect(await notExchanged(await first.sign(goodClaims(idp.url)))).toMatchObject({ error: "invalid_grant" });
    await later(id, 31_000);
    const forged = await Promise.all(Array.from({ length: 10 }, (_, i) => stranger.sign(goodClaims(idp.url), { kid: `forged-${i}` })));
    for (const { status } of await Promise.all(forged.map((token) => exchange(token)))) expect(status).toBe(400);
    expect(await idp.reads()).toBe(3);
  });

  it("is accepted with the stored keys while the issuer is down, for a day", async () => {
    const key = await newKey("1");
    const idp = new PublishingIdp();
    await idp.publish([key.jwk]);
    const { id } = await ok<{ id: string }>("POST", ISSUERS, { ...admin(), json: { name: "ci", url: idp.url } });
    const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, admin());
    await setPolicies(world, policyId, [allowing()]);
    await idp.put("/.well-known/openid-configuration", { status: 500 });
    await later(id, 2 * 3_600_000);
    await exchanged(await key.sign(goodClaims(idp.url)));
    await later(id, 24 * 3_600_000);
    expect(await notExchanged(await key.sign(goodClaims(idp.url)))).toMatchObject({ status: 503, error: "temporarily_unavailable" });
    await later(id, 31_000);
    await idp.publish([key.jwk]);
    await exchanged(await key.sign(goodClaims(idp.url)));
  });

  it("is refused with its full reason for the log, and a short one for the caller", async () => {
    const idp = await newIdp(world, [allowing({ rules: { ref: "refs/heads/main" } })]);
    const token = await idp.token({ ref: "refs/heads/mian", repository: "acme/shop" });
    const events = await eventsOf(async () => {
      const refusal = await notExchanged(token);
      expect(refusal).toMatchObject({
        status: 400,
        code: 400,
        error: "invalid_grant",
        error_description: "No policy of the issuer allows this token.",
      });
      expect(JSON.stringify(refusal)).not.toContain("main");
    });
    expect(events).toMatchObject([
      { event: "auth-failure-oidc-exchange", authFailure: true, userLogin: "acme", tokenName: "ci:acme/shop@mian" },
    ]);
    expect(events[0]!.description).toContain('ref is "refs/heads/mian", and must be "refs/heads/main"');
    expect(JSON.stringify(events)).not.toContain(token.slice(-40));
  });

  it("that is not signed leaves at most one event in a minute", async () => {
    const idp = await newIdp(world);
    const forged = `${(await idp.token()).split(".").slice(0, 2).join(".")}.${btoa("x".repeat(256)).replaceAll("=", "")}`;
    const events = await eventsOf(async () => {
      for (let i = 0; i < 5; i++) expect(await notExchanged(forged)).toMatchObject({ error: "invalid_grant" });
    });
    expect(events.filter(({ event }) => event === "auth-failure-oidc-exchange").length).toBeLessThanOrEqual(1);
  });

  it("of an unknown organization or issuer is refused in the same words", async () => {
    const idp = await newIdp(world);
    const key = await newKey("x");
    const ofOrg = await notExchanged(await idp.token(), { audience: "urn:pulumi:org:nowhere" });
    const ofIssuer = await notExchanged(await key.sign(goodClaims("https://unknown.example.com")));
    expect(ofOrg).toEqual(ofIssuer);
    // A token of acme's issuer gives no access to globex.
    expect(await notExchanged(await idp.token(), { audience: "urn:pulumi:org:globex" })).toEqual(ofOrg);
  });
});

/** Moves the clock, so that the keys of an issuer become old. */
const later = (id: string, ms: number) =>
  env.DB.prepare("UPDATE oidc_issuers SET fetched_at = fetched_at - ?, tried_at = tried_at - ? WHERE id = ?").bind(ms, ms, id).run();

describe("exchanges have limits", () => {
  it("of a rate for each issuer, which only valid tokens count against", async () => {
    const idp = await newIdp(world);
    const limiter = vi.spyOn(env.TOKEN_EXCHANGES, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => limiter.mockRestore());
    expect(await notExchanged(await idp.token())).toMatchObject({ status: 429, error: "temporarily_unavailable" });
    expect(limiter.mock.calls).toEqual([[{ key: idp.id }]]);
    expect(await notExchanged(await idp.token({ exp: 1 }))).toMatchObject({ status: 400 });
    expect(limiter.mock.calls).toHaveLength(1);
  });

  it("of valid tokens for each issuer", async () => {
    const idp = await newIdp(world);
    const row = `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, expires_at, issuer_id)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
      SELECT 'many-' || i, 'organization', (SELECT id FROM organizations WHERE name = 'acme'), 'x', '', 'h' || i, 0, 'ci', ?, ? FROM n`;
    await env.DB.prepare(row)
      .bind(Date.now() + 3_600_000, idp.id)
      .run();
    expect(await notExchanged(await idp.token())).toMatchObject({
      error_description: expect.stringContaining("which is the most") as string,
    });
    await env.DB.prepare("UPDATE access_tokens SET expires_at = 1 WHERE id = 'many-1'").run();
    await exchanged(await idp.token());
    // Deleting the issuer ends all of them in one transaction.
    await ok("DELETE", `${ISSUERS}/${idp.id}`, admin());
    expect(
      await env.DB.prepare("SELECT count(*) AS n FROM access_tokens WHERE issuer_id = ? AND deleted_at IS NULL").bind(idp.id).first("n"),
    ).toBe(1);
  });

  it("of time: the cron deletes rows that ended a month ago, unless something descends from them", async () => {
    const idp = await newIdp(world, [allowing({ authorizedPermissions: ["admin"] })]);
    await newTeam(world, "ops");
    const { access_token: maker } = await exchanged(await idp.token(), { scope: "admin" });
    const expires = nowInSeconds() + 600;
    await ok("POST", "/api/orgs/acme/teams/ops/tokens", { token: maker, json: { name: "made", expires } });
    const { access_token: alone } = await exchanged(await idp.token());
    await newStack(alone);
    const lasting = await newOrgToken(world, "lasting");
    const count = () => env.DB.prepare("SELECT count(*) AS n FROM access_tokens WHERE issuer_id = ?").bind(idp.id).first<number>("n");
    expect(await sweepExchanged(env as Bindings, Date.now())).toBe(0);
    expect(await count()).toBe(2);
    expect(await sweepExchanged(env as Bindings, Date.now() + 40 * 86_400_000)).toBe(1);
    expect(await count()).toBe(1);
    await ok("GET", `/api/orgs/acme/tokens/${lasting.id}`, admin());
  });
});
