import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newTeam, newWorld } from "../support/world.ts";
import { PublishingIdp, allowing, newIdp, newKey, setPolicies, sharedKey } from "./support/idp.ts";

const ISSUERS = "/api/orgs/acme/oidc/issuers";
const vars = env as unknown as { LOCAL_DEVELOPMENT: string };
const { LOCAL_DEVELOPMENT: local } = vars;
let world: World;
beforeEach(async () => {
  world = await newWorld();
});
afterEach(() => void Object.assign(vars, { LOCAL_DEVELOPMENT: local }));

const register = (json: unknown) => ok<{ id: string }>("POST", ISSUERS, { token: world.admin, json });
const notRegistered = (json: unknown, status = 400) => refused(status, "POST", ISSUERS, { token: world.admin, json });

describe("issuers", () => {
  it("are registered, listed, changed and deleted, each with an event", async () => {
    const { jwk } = await sharedKey();
    const url = "https://kubernetes.default.svc";
    const json = { name: "cluster", url, jwks: { keys: [jwk] }, thumbprints: ["A".repeat(64)] };
    let id = "";
    const events = await eventsOf(async () => ({ id } = await register(json)));
    expect(events).toMatchObject([{ event: "oidc-issuer-registered", userLogin: "ada" }]);
    const registered = await ok("GET", `${ISSUERS}/${id}`, { token: world.admin });
    expect(registered).toMatchObject({
      id,
      name: "cluster",
      url,
      issuer: url,
      thumbprints: ["a".repeat(64)],
      maxExpiration: 90_000,
      jwks: { keys: [jwk] },
    });
    expect(await ok("GET", ISSUERS, { token: world.admin })).toEqual({ oidcIssuers: [registered] });

    const changed = await eventsOf(() =>
      ok("PATCH", `${ISSUERS}/${id}`, {
        token: world.admin,
        json: { name: "cluster", maxExpiration: 600, audiences: ["a"], singleUse: true },
      }),
    );
    expect(changed).toMatchObject([
      { event: "oidc-issuer-updated", description: expect.stringContaining("from 90000 seconds to 600 seconds") as string },
    ]);
    expect(await ok("GET", `${ISSUERS}/${id}`, { token: world.admin })).toMatchObject({
      maxExpiration: 600,
      audiences: ["a"],
      singleUse: true,
      url,
    });
    expect(await refused(400, "PATCH", `${ISSUERS}/${id}`, { token: world.admin, json: {} })).toContain("the issuer name is required");

    expect(await eventsOf(() => ok("DELETE", `${ISSUERS}/${id}`, { token: world.admin }))).toMatchObject([
      { event: "oidc-issuer-deleted" },
    ]);
    for (const method of ["GET", "DELETE"]) await refused(404, method, `${ISSUERS}/${id}`, { token: world.admin });
    expect(await ok("GET", ISSUERS, { token: world.admin })).toEqual({ oidcIssuers: [] });
  });

  it("have a policy from the beginning, which denies everything, and whose order stays", async () => {
    const { id, policyId } = await newIdp(world, []);
    const path = `/api/orgs/acme/auth/policies/oidcissuers/${id}`;
    expect(await ok("GET", path, { token: world.admin })).toMatchObject({ id: policyId, version: 1, policies: [] });
    await newTeam(world, "ops");
    const policies = [
      allowing({ rules: { zeta: "1", alpha: "*", '"a.b".c': "?" } }),
      { ...allowing({ tokenType: "team" }), teamName: "ops" },
      { ...allowing({ tokenType: "personal", decision: "deny" }), userLogin: "mel" },
      allowing({ authorizedPermissions: ["admin"], rules: { environment: "production" } }),
      allowing({ roleID: "read-only", stacks: [{ project: "{repository_name}", stack: "*", access: "write" }] }),
    ];
    const events = await eventsOf(() => setPolicies(world, policyId, policies));
    expect(events).toMatchObject([{ event: "authorization-policy-updated", userLogin: "ada" }]);
    const read = await ok<{ policies: { rules: object }[] }>("GET", path, { token: world.admin });
    expect(read).toMatchObject({ version: 2, policies });
    expect(Object.keys(read.policies[0]!.rules)).toEqual(["zeta", "alpha", '"a.b".c']);
    expect(await refused(400, "GET", "/api/orgs/acme/auth/policies/oidcissuers/none", { token: world.admin })).toContain(
      "Invalid issuer ID",
    );
    await refused(404, "PATCH", "/api/orgs/acme/auth/policies/none", { token: world.admin, json: { policies } });
  });

  it.each([
    ["an empty policy", [], "policy definition can not be empty"],
    ["a runner", [{ ...allowing(), tokenType: "runner", runnerID: "r" }], "runner tokens are not supported"],
    ["a team without a name", [allowing({ tokenType: "team" })], "policy 1: a team token needs teamName"],
    ["a person without a login", [allowing(), allowing({ tokenType: "personal" })], "policy 2: a personal token needs userLogin"],
    ["an unknown role", [allowing({ roleID: "none" })], "Invalid parameter 'roleID'."],
    [
      "the role of a team",
      [{ ...allowing({ tokenType: "team", roleID: "admin" }), teamName: "ops" }],
      "only organization tokens have a role",
    ],
    ["an unknown decision", [{ ...allowing(), decision: "maybe" }], "decision"],
    ["a path that is none", [allowing({ rules: { "a..b": "x" } })], "a claim is a path"],
    ["an admin with stacks", [allowing({ roleID: "admin", stacks: [{ project: "a", stack: "*", access: "write" }] })], "cannot be limited"],
    [
      "a pattern that is none",
      [allowing({ stacks: [{ project: "a/b", stack: "*", access: "write" }] })],
      "a pattern has 1 to 100 characters",
    ],
  ])("refuse %s in a policy", async (_, policies, why) => {
    const { policyId } = await newIdp(world, []);
    const message = await refused(400, "PATCH", `/api/orgs/acme/auth/policies/${policyId}`, { token: world.admin, json: { policies } });
    expect(message).toContain(why);
  });

  it("are read by administrators, and set up by people only", async () => {
    const { id, policyId } = await newIdp(world);
    const machine = (await newOrgToken(world, "root", { admin: true })).tokenValue;
    await ok("GET", ISSUERS, { token: machine });
    await ok("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, { token: machine });
    const { jwk } = await sharedKey();
    const writes: [string, string, unknown][] = [
      ["POST", ISSUERS, { name: "x", url: "https://x.example.com", jwks: { keys: [jwk] } }],
      ["PATCH", `${ISSUERS}/${id}`, { name: "x" }],
      ["DELETE", `${ISSUERS}/${id}`, undefined],
      ["PATCH", `/api/orgs/acme/auth/policies/${policyId}`, { policies: [allowing()] }],
    ];
    for (const [method, path, json] of writes) {
      expect(await refused(403, method, path, { token: machine, json })).toContain("only a person may");
      await refused(403, method, path, { token: world.member, json });
      await refused(404, method, path, { token: world.stranger, json });
    }
    await refused(403, "GET", ISSUERS, { token: world.member });
    // No caller reaches the issuer of another organization.
    const globex = { token: world.stranger };
    await refused(404, "GET", `/api/orgs/globex/oidc/issuers/${id}`, globex);
    await refused(404, "DELETE", `/api/orgs/globex/oidc/issuers/${id}`, globex);
    await refused(404, "PATCH", `/api/orgs/globex/auth/policies/${policyId}`, { ...globex, json: { policies: [allowing()] } });
    await refused(404, "GET", `/api/orgs/globex/oidc/issuers/${id}/sessions`, globex);
  });

  it("are refused with keys or an address that cannot be used", async () => {
    const { jwk } = await sharedKey();
    const url = "https://a.example.com";
    const keys = (...some: unknown[]) => notRegistered({ name: "a", url, jwks: { keys: some } });
    expect(await keys()).toContain("at least one key");
    expect(await keys({ ...jwk, d: "AQAB" })).toContain("private members");
    expect(await keys({ kty: "oct", k: "AAAA" })).toContain("private members");
    expect(await keys({ kty: "oct" })).toContain("must be RSA, EC or OKP");
    expect(await keys({ ...jwk, alg: "HS256" })).toContain("algorithm");
    expect(await keys({ ...jwk, n: "AQAB" })).toContain("2048");
    expect(await keys(...Array.from({ length: 101 }, () => jwk))).toContain("at most 100");
    for (const bad of ["", "nonsense", "ftp://a.example.com", "https://a.example.com?x=1", "https://u:p@a.example.com", "https://a b"])
      await notRegistered({ name: "a", url: bad, jwks: { keys: [jwk] } });
    await notRegistered({ name: "", url, jwks: { keys: [jwk] } });
    await notRegistered({ name: "a", url, jwks: { keys: [jwk] }, thumbprints: ["zz"] });
    await notRegistered({ name: "a", url, jwks: { keys: [jwk] }, maxExpiration: 1e9 });
    await register({ name: "a", url, jwks: { keys: [jwk] } });
    expect(await notRegistered({ name: "b", url, jwks: { keys: [jwk] } }, 409)).toContain("already has");
  });
});

describe("the discovery of an issuer", () => {
  it("reads its keys, and reads them again when it is told to", async () => {
    const idp = new PublishingIdp();
    await idp.publish([(await sharedKey()).jwk, { kty: "oct", k: "AAAA" }, { ...(await sharedKey()).jwk, use: "enc", kid: "enc" }]);
    const { id } = await register({ name: "ci", url: idp.url });
    const shown = await ok("GET", `${ISSUERS}/${id}`, { token: world.admin });
    expect(shown).toMatchObject({ url: idp.url, issuer: idp.url });
    expect(shown).not.toHaveProperty("jwks");
    expect(await idp.reads()).toBe(1);
    await ok("POST", `${ISSUERS}/${id}/regenerate-thumbprints`, { token: world.admin });
    expect(await idp.reads()).toBe(2);
    const fixed = await newIdp(world);
    expect(await refused(400, "POST", `${ISSUERS}/${fixed.id}/regenerate-thumbprints`, { token: world.admin })).toContain(
      "statically configured",
    );
  });

  it("accepts a slash at the end, if the issuer has one too", async () => {
    const idp = new PublishingIdp();
    const { jwk } = await sharedKey();
    await idp.publish([jwk], { issuer: `${idp.url}/` });
    expect(await notRegistered({ name: "ci", url: idp.url })).toContain("another issuer");
    await register({ name: "ci", url: `${idp.url}/` });
  });

  it.each([
    [
      "names another issuer",
      { body: JSON.stringify({ issuer: "https://evil.example.com", jwks_uri: "https://evil.example.com/keys" }) },
      "another issuer",
    ],
    ["is too large", { how: "huge" }, "too large"],
    ["breaks off", { how: "broken" }, "cannot be read"],
    ["redirects", { status: 302, headers: { Location: "https://evil.example.com" } }, "redirect"],
    ["is not there", { status: 404 }, "cannot be read"],
    ["is no JSON", { body: "<html>" }, "not valid JSON"],
    ["is a list", { body: "[]" }, "another issuer"],
  ] as const)("is refused when it %s", async (_, document, why) => {
    const idp = new PublishingIdp();
    await idp.put("/.well-known/openid-configuration", document);
    expect(await notRegistered({ name: "ci", url: idp.url })).toContain(why);
  });

  it("takes no longer than it may, and says no more of a slow server than of a broken one", async () => {
    const idp = new PublishingIdp();
    await idp.put("/.well-known/openid-configuration", { how: "slow" });
    expect(await notRegistered({ name: "ci", url: idp.url })).toContain("cannot be read");
  });

  it("is refused with keys that are too many, too large, redirected or private", async () => {
    const { jwk } = await sharedKey();
    const idp = new PublishingIdp();
    const json = { name: "ci", url: idp.url };
    await idp.publish(Array.from({ length: 1000 }, (_, i) => ({ kty: "RSA", kid: `${i}` })));
    expect(await notRegistered(json)).toContain("too many keys");
    await idp.publish([]);
    expect(await notRegistered(json)).toContain("no key");
    await idp.publish([{ ...jwk, d: "AQAB" }]);
    expect(await notRegistered(json)).toContain("no key");
    await idp.publish([jwk, { kid: "x".repeat(5_000_000) }]);
    expect(await notRegistered(json)).toContain("too large");
    await idp.put("/keys", { status: 302, headers: { Location: `${idp.url}/elsewhere` } });
    expect(await notRegistered(json)).toContain("redirect");
    for (const address of [
      "http://10.0.0.1/keys",
      "https://192.168.0.1/keys",
      "https://169.254.169.254/keys",
      "file:///etc/passwd",
      "https://db.internal/",
    ]) {
      await idp.publish([jwk], { jwks_uri: address });
      expect(await notRegistered(json)).toContain("is not read");
    }
  });

  it("reads no address of the machine outside of local development, and nothing without TLS", async () => {
    vars.LOCAL_DEVELOPMENT = "";
    const idp = new PublishingIdp();
    await idp.publish([(await sharedKey()).jwk]);
    expect(await notRegistered({ name: "ci", url: idp.url })).toContain("https://");
    expect(await idp.reads()).toBe(0);
    expect(await notRegistered({ name: "ci", url: "https://127.0.0.1" })).toContain("private");
    expect(await notRegistered({ name: "ci", url: "https://localhost" })).toContain("public name");
  });
});

it("warns of policies that admit more than they seem to, and refuses those that admit everybody", async () => {
  const { jwk } = await newKey("k");
  const github = await register({ name: "github", url: "https://token.actions.githubusercontent.com", jwks: { keys: [jwk] } });
  const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${github.id}`, { token: world.admin });
  const save = async (rules: Record<string, string>, more: object[] = []) =>
    (await setPolicies(world, policyId, [allowing({ rules }), ...more])).warnings.map(({ message }) => message).join("\n");
  const refuses = async (rules: Record<string, string>) =>
    refused(400, "PATCH", `/api/orgs/acme/auth/policies/${policyId}`, { token: world.admin, json: { policies: [allowing({ rules })] } });

  const admittingAll: Record<string, string>[] = [
    {},
    { aud: "urn:pulumi:org:acme" },
    { ref: "refs/heads/main" },
    { repository: "*/shop" },
    { sub: "repo:*" },
    { sub: "repo:acme*" },
  ];
  for (const rules of admittingAll)
    expect(await refuses(rules), JSON.stringify(rules)).toContain("allows every customer of token.actions.githubusercontent.com");
  expect(await save({ sub: "repo:acme/*:*" })).toContain("pull_request_target");
  expect(await save({ sub: "repo:acme/shop:*" })).toContain("every branch, tag and pull request");
  expect(await save({ repository: "acme/shop", ref: "refs/heads/main" })).toContain("somebody else can take its name");
  expect(await save({ repository_id: "1", sub: "repo*" })).toContain("wildcard in the name of the owner");
  expect(await save({ repository_id: "1", workflow_ref: "acme/my.shop/x" })).toContain("A dot in a pattern");
  const deny = allowing({ decision: "deny", rules: { event_name: "pull_request*" } });
  expect(await save({ repository_id: "1", repository_owner_id: "2", ref: "refs/heads/main" }, [deny])).toBe("");
  expect(await save({ repository_id: "1", environment: "production" })).toBe("");
  const own = await newIdp(world, []);
  expect((await setPolicies(world, own.policyId, [allowing({ rules: { aud: "x" } })])).warnings[0]!.message).toContain(
    "everybody with a token of this issuer",
  );
});

it("is made by a preset, with a strict policy and a pipeline to paste", async () => {
  const { jwk } = await sharedKey();
  const preset = { kind: "github-actions", owner: "acme", repository: "shop", branch: "main", ownerId: "1", repositoryId: "2" };
  const made = await ok<{ policy: { policies: unknown[]; warnings: unknown[] }; pipeline: string }>("POST", ISSUERS, {
    token: world.admin,
    json: { name: "github", jwks: { keys: [jwk] }, preset },
  });
  expect(made).toMatchObject({ url: "https://token.actions.githubusercontent.com" });
  expect(made.policy.policies[0]).toMatchObject({
    decision: "allow",
    rules: { aud: "urn:pulumi:org:acme", repository: "acme/shop", repository_owner_id: "1", repository_id: "2", ref: "refs/heads/main" },
  });
  expect(made.policy.warnings).toEqual([]);
  expect(made.pipeline).toContain("id-token: write");
  const { branch: _, ...without } = preset;
  const refuses = async (json: object) =>
    (await call("POST", ISSUERS, { token: world.admin, json: { name: "x", jwks: { keys: [jwk] }, ...json } })).status;
  expect(await refuses({ preset: without })).toBe(400);
  expect(await refuses({ preset: { ...preset, owner: "*" } })).toBe(400);
  expect(await refuses({ preset: { ...preset, kind: "unknown" } })).toBe(400);
});
