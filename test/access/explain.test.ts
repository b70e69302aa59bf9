import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { AccessExplanation, StackAccess } from "../../src/explain/openapi.ts";
import { allow, give, newRoleId, tokenWith } from "../roles/roles.ts";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newStack, newTeam, newTeamToken, newWorld } from "../support/world.ts";
import { addTo, closeStacks, grant } from "../teams/people.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.admin);
});

const ORG = "/api/orgs/acme/access";
const query = (parts: Record<string, string>) => `${ORG}?${String(new URLSearchParams(parts))}`;
const webDev = { project: "web", stack: "dev" };
const explain = (token: string, parts: Record<string, string>) => ok<AccessExplanation>("GET", query(parts), { token });
const about = (subject: string, permission = "stack:write", at: Record<string, string> = webDev) =>
  explain(world.admin, { subject, permission, ...at });
const ways = ({ reasons }: AccessExplanation) => reasons.map(({ by }) => by);
const change = (settings: object) => ok("PATCH", "/api/orgs/acme", { token: world.admin, json: settings });

describe("an explanation names each source of a right:", () => {
  it("the built-in role, the default permission, the default role of the organization", async () => {
    expect(await about("user:ada")).toEqual({
      subject: "user:ada",
      permission: "stack:write",
      stack: "web/dev",
      allowed: true,
      reasons: [
        { by: "role", role: "Admin", text: "The role Admin includes it." },
        { by: "creator-grant", permission: 104, text: "The creator of web/dev has all rights of a stack's administrator." },
      ],
      conditions: [],
    });
    expect((await about("user:mel")).reasons).toEqual([
      { by: "default-permission", permission: 103, text: "The permission of acme's members on all stacks is admin." },
    ]);
    const role = await newRoleId(world.admin, "Deployers", allow("stack:read", "stack:write"));
    await ok("PATCH", `/api/orgs/acme/roles/${role}/default`, { token: world.admin });
    expect((await about("user:mel")).reasons).toEqual([
      { by: "custom-role", role: "Deployers", text: "The role Deployers, the default role of acme, includes it." },
    ]);
    await give(world.admin, "mel", role);
    expect((await about("user:mel")).reasons[0]?.text).toBe("The role Deployers includes it.");
    expect(ways(await about("user:mel", "organization:read", {}))).toEqual(["membership"]);
  });

  it("a team's role and its grant, for its members, its tokens and the team itself", async () => {
    await closeStacks(world.admin);
    await newTeam(world);
    await addTo(world.admin, "mel");
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/teams/platform/tokens", {
      token: world.admin,
      json: { name: "platform-ci", description: "" },
    });
    const role = await newRoleId(world.admin, "Writers", allow("stack:write"));
    await ok("POST", `/api/orgs/acme/teams/platform/roles/${role}`, { token: world.admin });
    await grant(world.admin, 102);
    const reasons = [
      { by: "team-role", team: "platform", role: "Writers", text: "Team platform has the role Writers." },
      { by: "team-grant", team: "platform", permission: 102, text: "Team platform has write on web/dev." },
    ];
    for (const subject of ["user:mel", `token:${id}`, "team:platform"]) expect(await about(subject)).toMatchObject({ subject, reasons });
    expect(ways(await about("user:mel", "stack:read"))).toEqual(["team-grant"]);
    expect(ways(await about("team:PLATFORM", "team:read", {}))).toEqual([]);
    expect((await about("user:mel", "stack:list", {})).reasons).toContainEqual({
      by: "team-grant",
      team: "platform",
      text: "Team platform has grants on single stacks.",
    });
  });

  it("the grant of the token that created the stack, and of its successors", async () => {
    const token = await newOrgToken(world, "maker", { roleID: await newRoleId(world.admin, "Maker", allow("stack:create")) });
    await newStack(token.tokenValue, "web", "own");
    const own = { project: "web", stack: "own" };
    expect(ways(await about(`token:${token.id}`, "stack:delete", own))).toEqual(["creator-grant"]);
    const { id } = await ok<{ id: string }>("POST", `/api/orgs/acme/tokens/${token.id}/rotate`, { token: world.admin, json: {} });
    expect(ways(await about(`token:${id}`, "stack:delete", own))).toEqual(["creator-grant"]);
    expect(ways(await about(`token:${id}`, "stack:delete"))).toEqual([]);
  });
});

describe("a refusal says for want of what:", () => {
  const refusal = async (...asked: Parameters<typeof about>) => {
    const { allowed, reasons, refusal } = await about(...asked);
    expect([allowed, reasons]).toEqual([false, []]);
    return refusal!;
  };

  it("a right, a setting, the role of an administrator, a person", async () => {
    await change({ setDefaultStackPermission: 101 });
    expect(await refusal("user:mel")).toEqual({ by: "no-right", text: "No role, team or grant gives the right stack:write on web/dev." });
    await change({ setDefaultStackPermission: 103, setMembersCanDeleteStacks: false });
    expect(await refusal("user:mel", "stack:delete")).toEqual({
      by: "setting",
      text: "The settings of acme do not give its members the right stack:delete on web/dev.",
    });
    expect((await refusal("user:mel", "org_token:create", {})).by).toBe("administrators-only");
    const { id } = await newOrgToken(world, "root", { admin: true });
    expect((await refusal(`token:${id}`, "org_token:create", {})).by).toBe("people-only");
  });

  it("the limits and the end of a token", async () => {
    const { id } = await newOrgToken(world, "narrow", { stacks: [{ project: "web", stack: "*", access: "preview" }] });
    expect((await refusal(`token:${id}`)).by).toBe("token-stacks");
    expect(await about(`token:${id}`, "stack:preview")).toMatchObject({
      allowed: true,
      conditions: ["This access token is limited to certain stacks."],
    });
    // The tokens of people meet the policy, so that they can still be used.
    await env.DB.prepare("UPDATE access_tokens SET expires_at = ?, version = version + 1 WHERE kind = 'personal'")
      .bind(Date.now() + 86_400_000)
      .run();
    await change({ setMaxAccessTokenExpiryDays: 30 });
    expect(await refusal(`token:${id}`, "stack:preview")).toEqual({
      by: "expiry-policy",
      text: "acme accepts only access tokens that expire within 30 days.",
    });
    expect((await about("user:mel")).conditions).toEqual(["acme accepts only access tokens that expire within 30 days."]);
    await env.DB.prepare("UPDATE access_tokens SET disabled_at = 1 WHERE id = ?").bind(id).run();
    expect(await refusal(`token:${id}`)).toEqual({ by: "disabled", text: "This access token was disabled." });
    await ok("DELETE", `/api/orgs/acme/tokens/${id}`, { token: world.admin });
    expect((await refusal(`token:${id}`)).by).toBe("deleted");
  });

  it("the edition of the organization", async () => {
    await env.DB.prepare("UPDATE organizations SET edition = 'team', trial_ends_at = 1, settings_version = settings_version + 1").run();
    expect((await refusal("user:ada", "org_token:create", {})).by).toBe("edition");
  });
});

it("the networks and the expiry of a token are conditions", async () => {
  const expires = 2_000_000_000;
  const { id } = await newOrgToken(world, "office", { ipAllowList: ["192.0.2.0/24"], countryAllowList: ["DE"], expires: 0 });
  await env.DB.prepare("UPDATE access_tokens SET expires_at = ? WHERE id = ?")
    .bind(expires * 1000, id)
    .run();
  expect(await about(`token:${id}`)).toMatchObject({
    allowed: true,
    conditions: [
      "This access token can be used only from the networks 192.0.2.0/24.",
      "This access token can be used only from the countries DE.",
      "This access token expires on 2033-05-18 03:33 UTC.",
    ],
  });
});

describe("who may ask:", () => {
  it("everybody about themselves, people and machines", async () => {
    const asks: Record<string, string>[] = [{}, { subject: "user:mel" }, { subject: "user:MEL" }];
    for (const ask of asks)
      expect(await explain(world.member, { permission: "stack:write", ...ask })).toMatchObject({ subject: "user:mel", allowed: true });
    const { id, tokenValue } = await newOrgToken(world, "ci", { roleID: "read-only" });
    const own: Record<string, string>[] = [{}, { subject: `token:${id}` }];
    for (const ask of own) {
      const answer = await explain(tokenValue, { permission: "stack:write", ...webDev, ...ask });
      expect(answer).toMatchObject({ subject: `token:${id}`, allowed: false });
    }
    expect(await explain(await newTeamToken("red"), { permission: "stack:read", ...webDev })).toMatchObject({ allowed: true });
  });

  it("nobody else about others, whether they exist or not, and the question is recorded", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    const text = "You do not have permission to perform this operation: only administrators of acme may ask about the access of others.";
    const events = await eventsOf(async () => {
      for (const subject of ["user:ada", "user:nobody", "token:none", "team:none"])
        expect(await refused(403, "GET", query({ subject, permission: "stack:read" }), { token: world.member })).toBe(text);
      await refused(403, "GET", query({ subject: "user:mel", permission: "stack:read" }), { token: tokenValue });
    });
    expect(events.map(({ event }) => event)).toEqual(Array.from({ length: 5 }, () => "auth-failure-organization-role"));
    const all = await tokenWith(world, "role:read", "org_member:read", "team:read", "org_token:read");
    await refused(403, "GET", query({ subject: "user:mel", permission: "stack:read" }), { token: all });
  });

  it("a machine that is an administrator may", async () => {
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    expect(await explain(tokenValue, { subject: "user:mel", permission: "stack:write" })).toMatchObject({ allowed: true });
  });

  it("of another organization nothing is known", async () => {
    await refused(404, "GET", query({ permission: "stack:read" }), { token: world.stranger });
    await refused(404, "GET", query({ subject: "user:gus", permission: "stack:read" }), { token: world.admin });
    const { tokens } = await ok<{ tokens: { id: string }[] }>("GET", "/api/user/tokens", { token: world.member });
    await refused(404, "GET", query({ subject: `token:${tokens[0]!.id}`, permission: "stack:read" }), { token: world.admin });
  });
});

it("a stack that the caller may not know is a 404, as one that does not exist", async () => {
  await closeStacks(world.admin);
  await newTeam(world);
  await addTo(world.admin, "mel");
  await newStack(world.admin, "web", "other");
  await grant(world.admin, 102, "other");
  const ask = (stack: string) => refused(404, "GET", query({ permission: "stack:read", project: "web", stack }), { token: world.member });
  expect(await ask("dev")).toBe((await ask("none")).replace("none", "dev"));
  expect((await explain(world.member, { permission: "stack:read", project: "WEB", stack: "Other" })).stack).toBe("web/other");
  const { tokenValue } = await newOrgToken(world, "narrow", { roleID: "read-only", stacks: [{ project: "web", stack: "other" }] });
  await refused(404, "GET", query({ permission: "stack:read", ...webDev }), { token: tokenValue });
});

it.each([
  ["no permission", {}, "The permission must be the name of a right"],
  ["an unknown permission", { permission: "stack:wrote" }, "The permission must be the name of a right"],
  ["a stack without its project", { permission: "stack:read", stack: "dev" }, "belong together"],
  ["a project without a stack", { permission: "stack:read", project: "web" }, "belong together"],
  ["a subject of no kind", { permission: "stack:read", subject: "mel" }, "user:LOGIN, token:ID or team:NAME"],
  ["a subject without a name", { permission: "stack:read", subject: "user:" }, "user:LOGIN, token:ID or team:NAME"],
  ["a bad name", { permission: "stack:read", project: "..", stack: "dev" }, "project name"],
])("refuses %s", async (_, parts, text) => {
  expect(await refused(400, "GET", query(parts), { token: world.admin })).toContain(text);
});

describe("the list of those who have a right on a stack", () => {
  const list = (token: string, parts = "") => ok<StackAccess>("GET", `/api/stacks/acme/web/dev/access${parts}`, { token });
  const subjects = ({ access }: StackAccess) => access.map(({ subject }) => subject);

  it("has teams, people and tokens, with the reasons; without a permission those who may read the stack", async () => {
    await closeStacks(world.admin);
    await newTeam(world);
    await addTo(world.admin, "mel");
    await grant(world.admin, 101);
    const reader = await newOrgToken(world, "reader", { roleID: "read-only" });
    await newOrgToken(world, "elsewhere", { roleID: "read-only", stacks: [{ project: "other" }] });
    const byTeam = { by: "team-grant", team: "platform", permission: 101, text: "Team platform has read on web/dev." };
    // People who joined at the same time have no defined order.
    expect((await list(world.admin)).access.toSorted((one, other) => (one.subject < other.subject ? -1 : 1))).toEqual([
      { subject: "team:platform", name: "platform", reasons: [byTeam] },
      {
        subject: `token:${reader.id}`,
        name: "reader",
        reasons: [{ by: "role", role: "Read Only", text: "The role Read Only includes it." }],
      },
      {
        subject: "user:ada",
        name: "ada",
        reasons: [
          { by: "role", role: "Admin", text: "The role Admin includes it." },
          byTeam,
          { by: "creator-grant", permission: 104, text: "The creator of web/dev has all rights of a stack's administrator." },
        ],
      },
      { subject: "user:mel", name: "mel", reasons: [byTeam] },
    ]);
    expect(subjects(await list(world.admin, "?permission=stack:write"))).toEqual(["user:ada"]);
    // A member may not list the organization's tokens.
    expect(subjects(await list(world.member)).toSorted()).toEqual(["team:platform", "user:ada", "user:mel"]);
  });

  it("is for those who may see who has access, and hidden with the stack", async () => {
    await newStack(world.admin, "web", "prod");
    const token = await tokenWith(world, "stack:read");
    expect(await refused(403, "GET", "/api/stacks/acme/web/dev/access", { token })).toContain("the right stack_access:read on web/dev");
    await refused(404, "GET", "/api/stacks/acme/web/none/access", { token: world.admin });
    await refused(404, "GET", "/api/stacks/acme/web/dev/access", { token: world.stranger });
    await refused(400, "GET", "/api/stacks/acme/web/dev/access?permission=org_token:read", { token: world.admin });
    await refused(400, "GET", "/api/stacks/acme/web/dev/access?continuationToken=W10", { token: world.admin });
  });

  it("refuses a cursor that no page has", async () => {
    for (const cursor of [[0, 5, ""], [1, "a", ""], [3, 1, ""], [1.5, 1, ""], [0, "a"], 7])
      await refused(400, "GET", `/api/stacks/acme/web/dev/access?continuationToken=${btoa(JSON.stringify(cursor))}`, {
        token: world.admin,
      });
  });

  it("comes in pages, each entry once and in the same order", async () => {
    for (const team of ["b", "A", "c"]) {
      await newTeam(world, team);
      await grant(world.admin, 102, "dev", team);
    }
    for (const name of ["one", "two", "three"]) await newOrgToken(world, name);
    const whole = await list(world.admin);
    expect(subjects(whole).slice(0, 3)).toEqual(["team:A", "team:b", "team:c"]);
    expect(
      subjects(whole)
        .map((subject) => subject.slice(0, 5))
        .slice(3),
    ).toEqual(["user:", "user:", "token", "token", "token"]);
    for (const size of [1, 2, 4]) {
      const found: StackAccess["access"] = [];
      let next: string | undefined = "";
      while (next !== undefined) {
        const page: StackAccess = await list(world.admin, `?maxResults=${size}${next && `&continuationToken=${next}`}`);
        expect(page.access.length).toBeLessThanOrEqual(size);
        found.push(...page.access);
        next = page.continuationToken;
      }
      expect(found).toEqual(whole.access);
    }
  });
});
