import type { PolicyDefinition } from "../../src/oidc/table.ts";
import type { Wanted } from "../../src/oidc/evaluate.ts";

/** Implements management-api §10.2 as directly as possible: with regular expressions, and one rule after the other. */
export function naive(policies: PolicyDefinition[], wanted: Wanted, claims: unknown): string {
  let denies = false;
  let allows = false;
  let adminAllowed = false;
  const roles = new Set<string>();
  for (const policy of policies) {
    if (policy.tokenType !== wanted.tokenType) continue;
    if (policy.tokenType === "team" && !toRegExp(policy.teamName!.toLowerCase()).test(wanted.name.toLowerCase())) continue;
    if (policy.tokenType === "personal" && policy.userLogin!.toLowerCase() !== wanted.name.toLowerCase()) continue;
    if (!Object.keys(policy.rules).every((key) => fits(claims, key, policy.rules[key]!))) continue;
    if (policy.decision === "deny") denies = true;
    if (policy.decision === "allow") {
      allows = true;
      const gives = policy.authorizedPermissions.includes("admin");
      adminAllowed ||= gives;
      if ((!wanted.admin || gives) && policy.roleID) roles.add(policy.roleID);
    }
  }
  if (denies) return "denied";
  if (!allows) return "unmatched";
  if (wanted.admin) return adminAllowed ? "allowed as admin" : "not-admin";
  if (roles.size > 1) return "roles";
  return `allowed as ${[...roles][0] ?? "no role"}`;
}

function fits(claims: unknown, key: string, pattern: string): boolean {
  let value = claims;
  for (const name of key.match(/"[^"]+"|[^".]+/g)!.map((written) => written.replaceAll('"', ""))) {
    const entry: [string, unknown] | undefined =
      value !== null && typeof value === "object" && !Array.isArray(value)
        ? Object.entries(value).find(([own]) => own === name)
        : undefined;
    if (!entry) return false;
    value = entry[1];
  }
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.some((one) => ["string", "number", "boolean"].includes(typeof one) && toRegExp(pattern).test(String(one)));
}

/** `*` matches zero or more characters, `?` zero or one, and `.` exactly one. */
const toRegExp = (pattern: string) =>
  new RegExp(
    `^${[...pattern].map((c) => ({ "*": "[^]*", "?": "[^]?", ".": "[^]" })[c] ?? c.replace(/[\\^$+()[\]{}|/]/, String.raw`\$&`)).join("")}$`,
    "u",
  );
