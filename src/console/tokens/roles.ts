import type { OrgContext } from "../../context.ts";
import { type BuiltInRole, findRole } from "../../roles/builtIn.ts";
import type { AccessToken } from "../../tokens/openapi.ts";

/** The order in which a form offers the built-in roles of tokens. */
export const rolesOfTokens: readonly BuiltInRole[] = ["member", "read-only", "billing-manager", "admin"];

export const ADMIN_TOKEN_WARNING =
  "Anybody who has this token's value can do everything in the organization except create and delete tokens. Few programs need such rights. Prefer a custom role.";

/** The value of the role in the form: the name of a built-in role, or the id of a custom one. */
export const roleValue = (ctx: OrgContext, { role }: AccessToken) => (role && (findRole(ctx.org.id, role.id) ?? role.id)) ?? "member";
