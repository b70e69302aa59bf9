import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { call, ok } from "../support/client.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";
import { ROLES, type Role, allow, changeRole, compose, give, newRole, newRoleId, refusal, statusOf, tokenWith } from "./roles.ts";

let world: World;
let admin: string;
beforeEach(async () => {
  world = await newWorld();
  admin = world.admin;
});

it("keeps a tree word for word, in every answer", async () => {
  const details = `{ "permissions" : ["stack:read",\n"environment:read"], "__type":"PermissionDescriptor\\u0041llow", "constraints": {"MaxOpenDuration": 3600}, "future": [1.0, 90071992547409931, {}] }`;
  const body = `{"details": ${details}, "name": "reader", "resourceType": "global"}`;
  const created = await (await call("POST", ROLES, { token: admin, body })).text();
  const { id, version, scopesWithoutEffect } = JSON.parse(created) as Role;
  expect(version).toBe(1);
  expect(scopesWithoutEffect).toEqual(["environment:read"]);
  const texts = [
    created,
    await (await call("GET", `${ROLES}/${id}`, { token: admin })).text(),
    await (await call("GET", `${ROLES}?uxPurpose=role`, { token: admin })).text(),
    await (await call("PATCH", `${ROLES}/${id}`, { token: admin, json: { description: "Reads." } })).text(),
  ];
  for (const text of texts) expect(text).toContain(`"details":${details}`);
  expect(JSON.parse(texts[3]!)).toMatchObject({
    id,
    name: "reader",
    description: "Reads.",
    resourceType: "global",
    uxPurpose: "role",
    defaultIdentifier: "",
    version: 2,
  });
});

it("refuses names that are taken or no names, and trees that cannot be read", async () => {
  await newRole(admin, "Reader", allow());
  for (const name of ["reader", "Admin", "stack read"])
    expect(await refusal(409, "POST", ROLES, admin, { name, details: allow() })).toBe("Role with this name already exists");
  const other = await newRoleId(admin, "other", allow());
  expect(await refusal(409, "PATCH", `${ROLES}/${other}`, admin, { name: "READER" })).toBe("Role with this name already exists");
  for (const name of ["", " ", "x".repeat(101)]) await refusal(400, "POST", ROLES, admin, { name, details: allow() });
  expect(await refusal(400, "POST", ROLES, admin, { name: "x" })).toMatch(/an object with the member __type|details is required/);
  expect(await refusal(400, "POST", ROLES, admin, { name: "x", details: { __type: "Allow" } })).toMatch(/'Allow' is not a kind/);
  expect(await refusal(400, "POST", ROLES, admin, { name: "x", details: { ...allow(), note: "n".repeat(1_000_000) } })).toMatch(
    /at most 1000000 characters/,
  );
  expect(await refusal(400, "POST", ROLES, admin, { name: "x", details: allow(), uxPurpose: "token" })).toBe("Role purpose is not valid.");
  expect(await refusal(400, "POST", `${ROLES}?createPolicyAndRole=true`, admin, { name: "x", details: allow() })).toMatch(/not supported/);
});

it("does not know a role of another organization, to read, change, delete, include, assign or make the default", async () => {
  const foreign = (
    await ok<Role>("POST", "/api/orgs/globex/roles", { token: world.stranger, json: { name: "theirs", details: allow("stack:read") } })
  ).id;
  for (const [method, path] of [
    ["GET", ""],
    ["PATCH", ""],
    ["DELETE", ""],
    ["PATCH", "/default"],
    ["GET", "/users"],
    ["GET", "/teams"],
    ["GET", "/tokens"],
  ] as const)
    expect(await refusal(404, method, `${ROLES}/${foreign}${path}`, admin, method === "GET" ? undefined : {})).toBe(
      "Not Found: Role not found",
    );
  await refusal(400, "POST", ROLES, admin, { name: "x", details: compose(foreign) });
  await refusal(400, "PATCH", "/api/orgs/acme/members/mel", admin, { fgaRoleId: foreign });
  await refusal(400, "POST", "/api/orgs/acme/invites/link", admin, { roleId: foreign });
  await refusal(400, "POST", "/api/orgs/acme/tokens", admin, { name: "x", roleID: foreign });
});

it("includes built-in sets and custom records, and no built-in role or itself", async () => {
  const { roles: sets } = await ok<{ roles: Role[] }>("GET", `${ROLES}?uxPurpose=set`, { token: admin });
  const base = await newRoleId(admin, "base", allow("stack:write"), { uxPurpose: "set" });
  const middle = await newRoleId(admin, "middle", compose(sets[0]!.id, base), { uxPurpose: "set" });
  const top = await newRoleId(admin, "top", compose(middle));
  const { roles } = await ok<{ roles: Role[] }>("GET", `${ROLES}?uxPurpose=role`, { token: admin });
  expect(await refusal(400, "POST", ROLES, admin, { name: "x", details: compose(roles[0]!.id) })).toMatch(/is a built-in role/);
  for (const part of [base, middle, top])
    expect(await refusal(400, "PATCH", `${ROLES}/${base}`, admin, { details: compose(part) })).toMatch(/cannot include itself/);

  const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: top });
  await newStack(admin);
  const read = () => statusOf("GET", "/api/stacks/acme/web/dev", { token });
  const tag = () => statusOf("PATCH", "/api/stacks/acme/web/dev/tags", { token, json: { a: "b" } });
  expect([await read(), await tag()]).toEqual([200, 403]);
  // A role that includes the record twice gets the new rights, and the rights that are no longer included are lost.
  await changeRole(admin, base, { details: allow("stack_tags:update") });
  expect([await read(), await tag()]).toEqual([200, 204]);
  await changeRole(admin, middle, { details: compose(base) });
  expect([await tag()]).toEqual([204]);
  await changeRole(admin, middle, { details: allow("stack:read") });
  expect([await read(), await tag()]).toEqual([200, 403]);
  // The record is not included in the other one any more.
  await ok("DELETE", `${ROLES}/${base}`, { token: admin });
});

it("grants what its parts grant, also when a part changes at the same time", async () => {
  const base = await newRoleId(admin, "base", allow("stack:read"));
  for (let round = 0; round < 5; round++) {
    const scope = round % 2 === 0 ? "stack:write" : "stack:read";
    const [, one] = await Promise.all([changeRole(admin, base, { details: allow(scope) }), newRole(admin, `top-${round}`, compose(base))]);
    const { grants } = (await env.DB.prepare("SELECT grants FROM roles WHERE id = ?").bind(one.id).first<{ grants: string }>())!;
    expect(JSON.parse(grants)).toEqual([{ scopes: [scope], rules: null }]);
  }
});

it("gives and takes rights from the next write on: for a member, for a token and for a person who is invited", async () => {
  await newStack(admin);
  const id = await newRoleId(admin, "tagger", allow("stack:read", "stack_tags:update"));
  await give(admin, "mel", id);
  const { tokenValue } = await newOrgToken(world, "ci", { roleID: id });
  const { id: invite } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: admin, json: { roleId: id } });
  await ok("PATCH", `/api/orgs/acme/invites/${invite}`, { token: world.stranger });
  const holders = [world.member, tokenValue, world.stranger];
  const tag = (token: string) => statusOf("PATCH", "/api/stacks/acme/web/dev/tags", { token, json: { a: "b" } });
  for (const token of holders) {
    expect(await tag(token)).toBe(204);
    expect(await statusOf("POST", "/api/stacks/acme/web", { token, json: { stackName: "x" } })).toBe(403);
  }
  await changeRole(admin, id, { details: allow("stack:read", "stack:create") });
  for (const token of holders) expect(await tag(token)).toBe(403);
  expect(await statusOf("POST", "/api/stacks/acme/web", { token: world.member, json: { stackName: "x" } })).toBe(200);

  const { members } = await ok<{ members: { user: { githubLogin: string }; role: string; fgaRole: { id: string; name: string } }[] }>(
    "GET",
    "/api/orgs/acme/members",
    { token: admin },
  );
  expect(members.find(({ user }) => user.githubLogin === "mel")).toMatchObject({ role: "member", fgaRole: { id, name: "tagger" } });
  const { users } = await ok<{ users: { githubLogin: string }[] }>("GET", `${ROLES}/${id}/users`, { token: admin });
  expect(users.map((user) => user.githubLogin)).toEqual(["gus", "mel"]);
  const { tokens } = await ok<{ tokens: { role: unknown; admin: boolean }[] }>("GET", `${ROLES}/${id}/tokens`, { token: admin });
  expect(tokens).toMatchObject([{ name: "ci", admin: false, role: { id, name: "tagger", defaultIdentifier: "member" } }]);
  expect((await ok<{ tokens: unknown[] }>("GET", `${ROLES}/member/tokens`, { token: admin })).tokens).toEqual([]);
});

it("lists the teams that have a role", async () => {
  const id = await newRoleId(admin, "ops", allow("stack:read"));
  expect(await ok("GET", `${ROLES}/${id}/teams`, { token: admin })).toEqual({ teams: [] });
  await env.DB.batch([
    env.DB.prepare(
      "INSERT INTO teams (id, org_id, name, display_name, description, created_at) SELECT 't', id, 'ops', 'Ops', 'Runs it.', 0 FROM organizations WHERE name = 'acme'",
    ),
    env.DB.prepare("INSERT INTO team_roles (team_id, role_id) VALUES ('t', ?)").bind(id),
  ]);
  expect(await ok("GET", `${ROLES}/${id}/teams`, { token: admin })).toEqual({
    teams: [{ kind: "pulumi", name: "ops", displayName: "Ops", description: "Runs it.", userRole: "none" }],
  });
  expect(await refusal(409, "DELETE", `${ROLES}/${id}`, admin)).toMatch(/still assigned/);
});

it("is deleted while nobody has it, and by force where somebody has; never while another record includes it", async () => {
  await newStack(admin);
  const id = await newRoleId(admin, "reader", allow("stack:read"));
  await give(admin, "mel", id);
  const { tokenValue } = await newOrgToken(world, "ci", { roleID: id });
  const { id: invite } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: admin, json: { roleId: id } });
  expect(await refusal(409, "DELETE", `${ROLES}/${id}`, admin)).toMatch(/still assigned/);
  const including = await newRoleId(admin, "more", compose(id));
  for (const query of ["", "?force=true"])
    expect(await refusal(409, "DELETE", `${ROLES}/${id}${query}`, admin)).toMatch(/other roles or permission sets include/);
  await ok("DELETE", `${ROLES}/${including}`, { token: admin });
  await ok("DELETE", `${ROLES}/${id}?force=true`, { token: admin });
  await refusal(404, "GET", `${ROLES}/${id}`, admin);
  await refusal(404, "DELETE", `${ROLES}/${id}`, admin);
  // The person has the default role, which is that of a member. The token has hardly any rights, and nobody can accept the invitation.
  expect(await statusOf("PATCH", "/api/stacks/acme/web/dev/tags", { token: world.member, json: { a: "b" } })).toBe(204);
  expect(await statusOf("GET", "/api/stacks/acme/web/dev", { token: tokenValue })).toBe(403);
  await refusal(409, "PATCH", `/api/orgs/acme/invites/${invite}`, world.stranger);
  for (const builtIn of ["admin", "member"]) expect(await refusal(400, "DELETE", `${ROLES}/${builtIn}`, admin)).toMatch(/built-in/);
  expect(await refusal(400, "PATCH", `${ROLES}/admin`, admin, { name: "x" })).toMatch(/built-in/);
});

it("is the default of the members who were given no other", async () => {
  await newStack(admin);
  const id = await newRoleId(admin, "reader", allow("stack:read"));
  const tag = () => statusOf("PATCH", "/api/stacks/acme/web/dev/tags", { token: world.member, json: { a: "b" } });
  expect(await tag()).toBe(204);
  await ok("PATCH", `${ROLES}/${id}/default`, { token: admin });
  expect(await tag()).toBe(403);
  expect(await ok<Role>("GET", `${ROLES}/${id}`, { token: admin })).toMatchObject({ isOrgDefault: true });
  expect(await ok<Role>("GET", `${ROLES}/member`, { token: admin })).toMatchObject({ isOrgDefault: false });
  const added = await ok<{ fgaRole: unknown }>("POST", "/api/orgs/acme/members/gus", { token: admin, json: { role: "member" } });
  expect(added.fgaRole).toMatchObject({ id, name: "reader" });
  expect(await ok("GET", `${ROLES}/${id}/users`, { token: admin })).toEqual({ users: [] });
  // A person who is given the built-in role has its rights, and not those of the default role.
  await give(admin, "mel", "member");
  expect(await tag()).toBe(204);

  const set = await newRoleId(admin, "set", allow(), { uxPurpose: "set" });
  for (const other of ["admin", "billing-manager", "read-only", set])
    expect(await refusal(400, "PATCH", `${ROLES}/${other}/default`, admin)).toBe("Invalid role type");
  await refusal(400, "PATCH", "/api/orgs/acme/members/mel", admin, { fgaRoleId: set });
  expect(await refusal(409, "DELETE", `${ROLES}/${id}`, admin)).toMatch(/default role/);
  await ok("PATCH", `${ROLES}/member/default`, { token: admin });
  await ok("DELETE", `${ROLES}/${id}`, { token: admin });
});

it("leaves the last administrator", async () => {
  const id = await newRoleId(admin, "reader", allow("stack:read"));
  for (const fgaRoleId of [id, "member"])
    expect(await refusal(400, "PATCH", "/api/orgs/acme/members/ada", admin, { fgaRoleId })).toMatch(/at least one admin/);
  await ok("PATCH", `${ROLES}/${id}/default`, { token: admin });
  await newRole(admin, "still", allow());
  await give(admin, "mel", "admin");
  await give(admin, "ada", id);
  await refusal(403, "POST", ROLES, admin, { name: "not any more", details: allow() });
});

it("is fixed when a token is made, and stays beside the token's stacks", async () => {
  const id = await newRoleId(admin, "reader", allow("stack:read"));
  expect(await refusal(400, "POST", "/api/orgs/acme/tokens", admin, { name: "x", admin: true, roleID: id })).toBe(
    "Invalid parameter 'roleID'.",
  );
  await newStack(admin);
  await newStack(admin, "web", "prod");
  const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: id, stacks: [{ project: "web", stack: "dev" }] });
  const get = (stack: string) => statusOf("GET", `/api/stacks/acme/web/${stack}`, { token });
  expect([await get("dev"), await get("prod")]).toEqual([200, 404]);
  expect(await statusOf("DELETE", "/api/stacks/acme/web/dev", { token })).toBe(403);
});

it("lists the scopes that have an effect, and none that only administrators have", async () => {
  const buckets = await ok<Record<string, { scopes: { name: string; metadata: { description: string } }[] }[]>>("GET", `${ROLES}/scopes`, {
    token: admin,
  });
  const names = Object.values(buckets).flatMap((groups) => groups.flatMap((group) => group.scopes.map((scope) => scope.name)));
  const { scopesWithoutEffect } = await newRole(admin, "all", allow(...names));
  expect(scopesWithoutEffect).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

it("lets a token read the audit log or export it, as its role says", async () => {
  const reader = await tokenWith(world, "audit_logs:read");
  const exporter = await tokenWith(world, "audit_logs:export");
  for (const version of ["", "/v2"]) {
    const log = `/api/orgs/acme/auditlogs${version}`;
    await ok("GET", log, { token: reader });
    expect(await refusal(403, "GET", `${log}/export?format=csv`, reader)).toContain("audit_logs:export");
    await refusal(403, "GET", log, exporter);
    expect((await call("GET", `${log}/export?format=csv`, { token: exporter })).status).toBe(200);
  }
});
