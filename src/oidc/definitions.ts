import type * as z from "zod/mini";
import type { OrgContext } from "../context.ts";
import { AppError, badRequest } from "../errors.ts";
import { findRole } from "../roles/builtIn.ts";
import { givenRoles } from "../roles/given.ts";
import { tokenRoles } from "../tokens/table.ts";
import type { PolicyDefinition as Sent } from "./schema.ts";
import type { PolicyDefinition } from "./table.ts";
import { policyFault } from "./warnings.ts";

/** Definitions of a request, or stored ones. */
export type SentDefinitions = z.infer<typeof Sent>[] | PolicyDefinition[];

/** Maximum number of characters of a policy. */
const MOST_STORED = 64 * 1024;

/**
 * The definitions of a request as they are stored. Their order stays.
 * @throws 400 for a definition that contradicts itself, names an unknown role, or admits every customer of a shared issuer
 */
export async function checkDefinitions(ctx: OrgContext, url: string, sent: SentDefinitions): Promise<PolicyDefinition[]> {
  const policies = sent.map(stored);
  for (const [place, one] of policies.entries()) {
    const fault = faultOf(ctx.org.id, one);
    if (fault) throw badRequest(`policy ${place + 1}: ${fault}`);
  }
  if (JSON.stringify(policies).length > MOST_STORED) throw badRequest(`a policy has at most ${MOST_STORED} characters`);
  const custom = policies.flatMap(({ roleID }) => (roleID !== undefined && !isBuiltIn(ctx.org.id, roleID) ? [{ fgaRoleId: roleID }] : []));
  await givenRoles(ctx, custom, "built-in");
  const fault = policyFault(url, policies);
  if (fault) throw badRequest(fault);
  return policies;
}

/** Only the members that a definition of its kind has, in one order. */
function stored(one: z.infer<typeof Sent> | PolicyDefinition): PolicyDefinition {
  return {
    decision: one.decision,
    tokenType: one.tokenType,
    ...(one.tokenType === "team" && { teamName: one.teamName ?? "" }),
    ...(one.tokenType === "personal" && { userLogin: one.userLogin ?? "" }),
    ...(one.roleID && { roleID: one.roleID }),
    authorizedPermissions: one.authorizedPermissions ?? [],
    rules: one.rules ?? {},
    ...(one.stacks && { stacks: one.stacks }),
  };
}

function faultOf(orgId: string, one: PolicyDefinition): string | undefined {
  const { tokenType, roleID, stacks } = one;
  const isAdmin = one.authorizedPermissions.includes("admin") || (roleID !== undefined && findRole(orgId, roleID) === "admin");
  if (tokenType === "team" && one.teamName === "") return "a team token needs teamName";
  if (tokenType === "personal" && one.userLogin === "") return "a personal token needs userLogin";
  if (tokenType !== "organization" && roleID !== undefined) return "only organization tokens have a role";
  if (tokenType !== "organization" && isAdmin) return "only organization tokens have the permission admin";
  if (isAdmin && stacks) return "an admin token cannot be limited to stacks";
  return undefined;
}

/** @throws 400 for a built-in role that no token can have */
function isBuiltIn(orgId: string, roleID: string): boolean {
  const role = findRole(orgId, roleID);
  if (role && !tokenRoles.includes(role)) throw new AppError(400, "Invalid parameter 'roleID'.");
  return role !== undefined;
}
