import type { TokenRole } from "../tokens/table.ts";

/** The role by a name of the public contract's list, which has none for `read-only` (management-api §4.1). */
export const wireRole = (role: TokenRole): Exclude<TokenRole, "read-only"> => (role === "read-only" ? "member" : role);
