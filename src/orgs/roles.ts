import { findRole } from "../auth/roles.ts";
import type { OrgContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { type Role, roles } from "./table.ts";

/** What a role may be for, in the contract's words. Those that we have are of the first kind. */
export const uxPurposes = ["role", "role_private", "role_temporary", "policy", "set"] as const;

/** The role that a request names: by the id of a built-in role, which wins, or by its name (management-api §5.3). */
export function roleOf(ctx: OrgContext, request: { role?: Role | null | undefined; fgaRoleId?: string | null | undefined }): Role {
  const { role, fgaRoleId } = request;
  const named = fgaRoleId ? findRole(ctx.org.id, fgaRoleId) : role;
  const found = roles.find((one) => one === named);
  if (!found) throw new AppError(400, fgaRoleId ? "Invalid parameter 'roleID'." : "Invalid organization role.");
  return found;
}
