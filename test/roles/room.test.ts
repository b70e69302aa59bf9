import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newTeam, newWorld } from "../support/world.ts";
import { addTo, closeStacks } from "../teams/people.ts";
import { ROLES, allow, changeRole, compose, newRoleId, refusal } from "./roles.ts";

let world: World;
let admin: string;
beforeEach(async () => {
  world = await newWorld();
  admin = world.admin;
});

const node = (__type: string, members: object) => ({ __type, ...members });
const onStack = (identity: string) =>
  node("PermissionDescriptorCondition", {
    condition: node("PermissionExpressionEqual", {
      left: node("PermissionExpressionStack", {}),
      right: node("PermissionLiteralExpressionStack", { identity }),
    }),
    subNode: allow("stack:read"),
  });
const onStacks = (count: number, ...more: string[]) =>
  node("PermissionDescriptorGroup", {
    entries: [...more, ...Array.from({ length: count - more.length }, () => crypto.randomUUID())].map(onStack),
  });

/** Records of acme that grant nothing. */
const fill = (count: number) =>
  env.DB.prepare(
    `INSERT INTO roles (id, org_id, name, description, resource_type, ux_purpose, details, grants, created_at, modified_at)
     SELECT 'f-' || value, organizations.id, 'f-' || value, '', '', 'role', '{"__type":"PermissionDescriptorAllow"}', '[]', 0, 0
     FROM organizations, json_each(?) WHERE organizations.name = 'acme'`,
  )
    .bind(JSON.stringify(Array.from({ length: count }, (_, n) => n)))
    .run();

it("is for 1,000 custom records, also when a team gets its own role", async () => {
  await newTeam(world);
  await fill(999);
  const own = (name: string) => `/api/orgs/acme/teams/${name}/enable-team-roles`;
  await ok("POST", own("platform"), { token: admin });
  await newTeam(world, "other");
  await changesNothing(async () => {
    expect(await refusal(400, "POST", own("other"), admin)).toMatch(/at most 1000 custom roles/);
    expect(await refusal(400, "POST", ROLES, admin, { name: "one more", details: allow() })).toMatch(/at most 1000 custom roles/);
  });
  await changeRole(admin, "f-0", { description: "It still can be changed." });
});

it("is for 2,000 stacks that a role names one by one, and not for much more", async () => {
  const id = await newRoleId(admin, "many", onStacks(2000));
  const more = node("PermissionDescriptorGroup", { entries: [onStacks(1500), onStacks(1500)] });
  await changesNothing(async () => {
    for (const [method, path] of [
      ["POST", ""],
      ["PATCH", `/${id}`],
    ] as const)
      expect(await refusal(400, method, ROLES + path, admin, { name: "more", details: more })).toMatch(
        /what this role grants takes \d+ bytes of at most 150000/,
      );
  });
});

it("is for a million bytes of grants together, which an identity can contain", async () => {
  await newStack(admin);
  await closeStacks(admin);
  const dev = (await env.DB.prepare("SELECT id FROM stacks").first<string>("id"))!;
  const ids: string[] = [];
  for (let n = 0; n < 7; n++) ids.push(await newRoleId(admin, `r-${n}`, onStacks(2000, ...(n === 6 ? [dev] : []))));
  const small = await newRoleId(admin, "small", onStacks(1000));
  await newRoleId(admin, "around", compose(small));
  await changesNothing(async () => {
    expect(await refusal(400, "POST", ROLES, admin, { name: "more", details: onStacks(2000) })).toMatch(/grant has at most 1000000/);
    // The record that includes this one would grow too.
    expect(await refusal(400, "PATCH", `${ROLES}/${small}`, admin, { details: onStacks(1500) })).toMatch(/grant has at most 1000000/);
  });
  await newTeam(world);
  await addTo(admin, "mel");
  for (const id of ids) await ok("POST", `/api/orgs/acme/teams/platform/roles/${id}`, { token: admin });
  // The identity comes from the database first, and then from the cache.
  for (let n = 0; n < 2; n++) {
    await ok("GET", "/api/stacks/acme/web/dev", { token: world.member });
    expect((await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token: world.member })).stacks).toHaveLength(1);
  }
});
