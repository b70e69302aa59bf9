import { type Call, call, ok, refused } from "../support/client.ts";
import { type World, newOrgToken } from "../support/world.ts";

export const ROLES = "/api/orgs/acme/roles";

export interface Role {
  id: string;
  name: string;
  details: unknown;
  version: number;
  isOrgDefault: boolean;
  scopesWithoutEffect: string[];
}

export const allow = (...permissions: string[]) => ({ __type: "PermissionDescriptorAllow", permissions });
export const compose = (...permissionDescriptors: string[]) => ({ __type: "PermissionDescriptorCompose", permissionDescriptors });

export const newRole = (token: string, name: string, details: unknown, more: Record<string, unknown> = {}) =>
  ok<Role>("POST", ROLES, { token, json: { name, details, ...more } });
export const newRoleId = async (...role: Parameters<typeof newRole>) => (await newRole(...role)).id;

export const changeRole = (token: string, id: string, json: Record<string, unknown>) =>
  ok<Role>("PATCH", `${ROLES}/${id}`, { token, json });

export const give = (token: string, login: string, fgaRoleId: string) =>
  ok("PATCH", `/api/orgs/acme/members/${login}`, { token, json: { fgaRoleId } });

/** An organization token with a custom role of these scopes. */
export async function tokenWith(world: World, ...scopes: string[]): Promise<string> {
  const name = `t-${crypto.randomUUID().slice(0, 8)}`;
  const roleID = await newRoleId(world.admin, name, allow(...scopes));
  return (await newOrgToken(world, name, { roleID })).tokenValue;
}

/** The status of a call that may be refused. */
export const statusOf = async (method: string, path: string, options: Call) => {
  const response = await call(method, path, options);
  await response.text();
  return response.status;
};

export const refusal = (status: number, method: string, path: string, token: string, json?: unknown) =>
  refused(status, method, path, { token, ...(json !== undefined && { json }) });
