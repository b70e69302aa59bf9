import { env } from "cloudflare:workers";
import { newTokenValue, peppersOf } from "../../src/auth/secret.ts";
import { ok } from "../support/client.ts";

export const team = (name = "platform") => `/api/orgs/acme/teams/${name}`;

/** Somebody new in an organization of the world. @returns a personal token */
export async function newPerson(login: string, role = "member", org = "acme"): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(env.TOKEN_PEPPER));
  await env.DB.batch([
    env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, ?, '', 0)").bind(login, login, login),
    env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at, accepted_at) SELECT id, ?, ?, 0, 0 FROM organizations WHERE name = ?",
    ).bind(login, role, org),
    env.DB.prepare(
      `INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by) VALUES (?, 'personal', ?, '', '', ?, 0, ?)`,
    ).bind(`token-of-${login}`, login, hash, login),
  ]);
  return value;
}

/** A custom role of acme that grants these rights on the whole organization. @returns its id */
export async function newRole(name: string, scopes: string[]): Promise<string> {
  const details = { __type: "PermissionDescriptorAllow", permissions: scopes };
  await env.DB.prepare(
    `INSERT INTO roles (id, org_id, name, description, resource_type, ux_purpose, details, grants, created_at, modified_at)
     SELECT ?, id, ?, '', 'organization', 'role', ?, ?, 0, 0 FROM organizations WHERE name = 'acme'`,
  )
    .bind(`role-${name}`, name, JSON.stringify(details), JSON.stringify([{ scopes, rules: null }]))
    .run();
  return `role-${name}`;
}

export const giveRole = (login: string, roleId: string) =>
  env.DB.prepare("UPDATE members SET role_id = ? WHERE user_id = ?").bind(roleId, login).run();

export const addTo = (token: string, member: string, name = "platform", memberAction = "add") =>
  ok("PATCH", team(name), { token, json: { member, memberAction } });

export const grant = (token: string, permission: number, stackName = "dev", name = "platform") =>
  ok("PATCH", team(name), { token, json: { addStackPermission: { projectName: "web", stackName, permission } } });

/** Members of acme see no stack by themselves. */
export const closeStacks = (token: string) => ok("PATCH", "/api/orgs/acme", { token, json: { setDefaultStackPermission: 0 } });
