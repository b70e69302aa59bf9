import type { BuiltInRole } from "./roles.ts";

/** The role by a name of the public contract's list, which has none for `read-only` (management-api §4.1). */
export const wireRole = (role: BuiltInRole): Exclude<BuiltInRole, "read-only"> => (role === "read-only" ? "member" : role);
