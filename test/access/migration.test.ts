import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import type { OrgPermission } from "../../src/access/permissions.ts";
import { decide } from "../../src/auth/policy.ts";
import { readIdentity } from "../../src/auth/identity.ts";
import { newTokenValue, peppersOf } from "../../src/auth/secret.ts";
import type { Actor } from "../../src/context.ts";
import { openStore } from "../../src/db/client.ts";
import { ok } from "../support/client.ts";
import { emptyBindings } from "../support/fresh.ts";
import recorded from "./migration.json" with { type: "json" };

/**
 * Custom roles, teams and grants came with a migration. Nobody may have more or fewer rights after it. `migration.json` contains the answers of the
 * last code before it: who may do what, with each combination of the settings that give rights to members.
 */
const FIRST = "0021_access.sql";
const before = env.TEST_MIGRATIONS.filter(({ name }) => name < FIRST);

/** The settings, in the order of the characters of the recorded answers. */
const settings = [0, 101, 102, 103].flatMap((permission) => [1, 0].map((toggles) => ({ permission, toggles })));
const LIMIT = JSON.stringify([
  { project: "web", stack: "dev", access: "read" },
  { project: "web", stack: "p*", access: "preview" },
  { project: "api", stack: "*", access: "write" },
]);

type Caller = keyof typeof recorded.rights;
const callers = Object.keys(recorded.rights) as Caller[];
/** Hashes and values of the callers' tokens. */
let credentials: Record<Caller, Awaited<ReturnType<typeof newTokenValue>>>;

beforeEach(async () => {
  await emptyBindings();
  await applyD1Migrations(env.DB, before);
  const made = await Promise.all(callers.map(async (caller) => [caller, await newTokenValue(peppersOf(env.TOKEN_PEPPER))] as const));
  credentials = Object.fromEntries(made) as typeof credentials;
  await env.DB.batch([
    env.DB.prepare("INSERT INTO organizations (id, name, display_name, created_at) VALUES ('acme', 'acme', 'acme', 1)"),
    ...["web/dev", "web/prod", "api/dev", "other/dev"].map((path) =>
      env.DB.prepare("INSERT INTO stacks (id, org_id, project, name, created_at) VALUES (?, 'acme', ?, ?, 1)").bind(
        path,
        ...path.split("/"),
      ),
    ),
    ...callers.flatMap((caller) => rowsOf(caller, credentials[caller].hash)),
  ]);
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

/** The rows as the code before the migration wrote them. */
function rowsOf(caller: Caller, hash: string) {
  const [kind, role] = caller.split(" ");
  if (kind === "person")
    return [
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?1, ?1, '', '', 1)").bind(caller),
      env.DB.prepare("INSERT INTO members (org_id, user_id, role, created_at) VALUES ('acme', ?, ?, 1)").bind(caller, role),
      env.DB.prepare(
        "INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by) VALUES (?1, 'personal', ?1, '', '', ?2, 1, ?1)",
      ).bind(caller, hash),
    ];
  return [
    env.DB.prepare(
      `INSERT INTO access_tokens (id, kind, org_id, team, name, description, hash, role, stack_rules, created_at, created_by)
       VALUES (?1, ?2, 'acme', ?3, ?1, '', ?4, ?5, ?6, 1, 'ada')`,
    ).bind(
      caller,
      kind === "team" ? "team" : "organization",
      kind === "team" ? "ops" : null,
      hash,
      role,
      kind === "limited" ? LIMIT : null,
    ),
  ];
}

it("gives everybody the rights that they had before custom roles, teams and grants", async () => {
  const store = openStore(env);
  const answers = Object.fromEntries(callers.map((caller) => [caller, new Map<string, string>()])) as Record<Caller, Map<string, string>>;
  for (const { permission, toggles } of settings) {
    await env.DB.prepare(
      `UPDATE organizations SET default_stack_permission = ?1, members_can_create_stacks = ?2, members_can_delete_stacks = ?2,
        members_can_transfer_stacks = ?2`,
    )
      .bind(permission, toggles)
      .run();
    for (const caller of callers) {
      const found = await readIdentity(store, credentials[caller].hash, Date.now());
      if (!found || !("identity" in found)) throw new Error(`${caller} has no identity`);
      for (const cell of Object.values(recorded.rights[caller]).flat())
        answers[caller].set(cell, (answers[caller].get(cell) ?? "") + (isAllowed(found.identity.actor, cell) ? "x" : "."));
    }
  }
  for (const caller of callers) {
    const old = Object.entries(recorded.rights[caller] as Record<string, string[]>).flatMap(([line, cells]) =>
      cells.map((cell) => [cell, line] as const),
    );
    expect(Object.fromEntries(answers[caller]), caller).toEqual(Object.fromEntries(old));
  }
});

/** @param cell a right and what it is on: `stack:read on web/dev` */
function isAllowed(actor: Actor, cell: string): boolean {
  const [permission, place] = cell.split(" on ") as [OrgPermission, string];
  const [projectName, stackName] = place.split("/");
  const stack = projectName && stackName ? { projectName, stackName } : undefined;
  const circumstances = { now: Date.now(), address: "", country: "", defaultEdition: "enterprise" } as const;
  return decide(actor, permission, "acme", circumstances, stack) === "allowed";
}

it("keeps the ids of the roles, and shows everybody with the role that they had", async () => {
  const token = credentials["person admin"].value;
  const { roles } = await ok<{ roles: { id: string; isOrgDefault: boolean }[] }>("GET", "/api/orgs/acme/roles?uxPurpose=role", { token });
  expect(roles.map(({ id }) => id)).toEqual(Object.values(recorded.roles));
  expect(roles.filter(({ isOrgDefault }) => isOrgDefault).map(({ id }) => id)).toEqual([recorded.roles.member]);
  const { members } = await ok<{ members: { role: string; fgaRole: { id: string } }[] }>("GET", "/api/orgs/acme/members", { token });
  expect(Object.fromEntries(members.map(({ role, fgaRole }) => [role, fgaRole.id]))).toEqual(
    Object.fromEntries((["admin", "billing-manager", "member"] as const).map((role) => [role, recorded.roles[role]])),
  );
  const { tokens } = await ok<{ tokens: { name: string; role: { id: string } }[] }>("GET", "/api/orgs/acme/tokens", { token });
  expect(Object.fromEntries(tokens.map(({ name, role }) => [name, role.id]))).toEqual(
    Object.fromEntries(
      callers
        .filter((caller) => /^(organization|limited)/.test(caller))
        .map((caller) => [caller, recorded.roles[caller.split(" ")[1] as keyof typeof recorded.roles]]),
    ),
  );
});
