import type { TokenRole } from "../tokens/table.ts";

/** The name of the role in the public contract, which has no name for `read-only` (management-api §4.1). */
export const wireRole = (role: TokenRole): Exclude<TokenRole, "read-only"> => (role === "read-only" ? "member" : role);
