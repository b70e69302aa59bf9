import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";
import { type Idp, allowing, goodClaims, newIdp, newKey, sharedKey } from "./support/idp.ts";

let world: World;
let idp: Idp;
beforeEach(async () => {
  world = await newWorld();
  idp = await newIdp(world, [
    allowing({
      rules: { ref: "refs/heads/main" },
      roleID: "read-only",
      stacks: [{ project: "{repository_name}", stack: "*", access: "read" }],
    }),
    allowing({ decision: "deny", rules: { event_name: "pull_request*" } }),
  ]);
});

interface Result {
  token: string;
  allowed: boolean;
  reason?: string;
  audienceMatches: boolean;
  policies: { applies: boolean; matches: boolean; rules: object[] }[];
  wouldIssue?: object;
}
const path = () => `/api/orgs/acme/oidc/issuers/${idp.id}/test`;
const test = (json: object) => ok<Result>("POST", path(), { token: world.admin, json });
const claims = { aud: "urn:pulumi:org:acme", repository: "acme/shop", ref: "refs/heads/main", event_name: "push" };

it("says what would come, and issues nothing", async () => {
  const events = await eventsOf(() =>
    changesNothing(async () => {
      expect(await test({ claims, expiration: 60 })).toMatchObject({
        token: "not checked",
        allowed: true,
        audienceMatches: true,
        policies: [
          {
            applies: true,
            matches: true,
            rules: [{ claim: "ref", pattern: "refs/heads/main", values: ["refs/heads/main"], matches: true }],
          },
          { applies: true, matches: false },
        ],
        wouldIssue: {
          name: "ci:acme/shop@main",
          tokenType: "organization",
          roleID: "read-only",
          stacks: [{ project: "shop", stack: "*", access: "read" }],
          expiresIn: 60,
        },
      });
    }),
  );
  expect(events).toMatchObject([
    { event: "oidc-issuer-tested", userLogin: "ada", description: expect.stringContaining("would be allowed") as string },
  ]);
});

it("says which rule does not match, and which definition denies", async () => {
  expect(await test({ claims: { ...claims, ref: "refs/heads/mian" } })).toMatchObject({
    allowed: false,
    reason: 'policy 1: ref is "refs/heads/mian", and must be "refs/heads/main"',
    policies: [{ matches: false }, { matches: false }],
  });
  expect(await test({ claims: { ...claims, event_name: "pull_request_target" } })).toMatchObject({
    allowed: false,
    reason: "policy 2 denies it",
  });
  expect(await test({ claims: { ...claims, aud: "sts" } })).toMatchObject({ allowed: false, audienceMatches: false });
  expect(await test({ claims, tokenType: "team", scope: "team:ops" })).toMatchObject({
    allowed: false,
    policies: [{ applies: false }, { applies: false }],
    reason: "no policy is about team tokens of ops",
  });
  expect(await test({ claims, scope: "admin" })).toMatchObject({
    allowed: false,
    reason: expect.stringContaining("the scope admin") as string,
  });
});

it("checks the signature of a token, and keeps the token nowhere", async () => {
  const token = await idp.token(claims);
  const events = await eventsOf(async () => expect(await test({ token })).toMatchObject({ token: "valid", allowed: true }));
  expect(JSON.stringify(events)).not.toContain(token.slice(-40));
  expect(await test({ token: await idp.token({ ...claims, exp: 1 }) })).toMatchObject({ token: "it has expired (exp)", allowed: false });
  const forged = await (await newKey("shared")).sign(goodClaims(idp.url, claims));
  expect(await test({ token: forged })).toMatchObject({ token: "its signature does not match", allowed: false });
  const other = await (await sharedKey()).sign(goodClaims("https://other.example.com", claims));
  expect(await test({ token: other })).toMatchObject({
    token: expect.stringContaining("its issuer is https://other.example.com") as string,
    allowed: false,
  });
});

it("is for administrators, with a token or with claims", async () => {
  await refused(403, "POST", path(), { token: world.member, json: { claims } });
  for (const json of [
    {},
    { claims, token: "x" },
    { token: "x" },
    { claims: { a: "x".repeat(9000) } },
    { claims, tokenType: "runner" },
    { claims, tokenType: "team" },
  ])
    await refused(400, "POST", path(), { token: world.admin, json });
});
