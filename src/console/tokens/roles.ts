import type { OrgContext } from "../../context.ts";
import { type BuiltInRole, findRole } from "../../roles/builtIn.ts";
import type { AccessToken } from "../../tokens/openapi.ts";

/** The order in which a form offers the built-in roles of tokens. */
export const rolesOfTokens: readonly BuiltInRole[] = ["member", "read-only", "billing-manager", "admin"];

export const ADMIN_TOKEN_WARNING =
  "Whoever has the value of this token can do everything except create and delete tokens. Few programs need that. Prefer a custom role.";

/** The value of the role in the form: the name of a built-in role, or the id of a custom one. */
export const roleValue = (ctx: OrgContext, { role }: AccessToken) => (role && (findRole(ctx.org.id, role.id) ?? role.id)) ?? "member";
