import { namesAudience } from "./audience.ts";
import { type Claims, hasBeyond, textsOf } from "./claims.ts";
import { matchesPattern } from "./pattern.ts";
import type { PolicyDefinition, PolicyStack, ExchangedKind } from "./table.ts";

/** The token that an exchange asks for. */
export interface Wanted {
  tokenType: ExchangedKind;
  /** Name of the team, or login of the person; "" for an organization token. */
  name: string;
  /** Whether an organization token shall have the role Admin. */
  admin: boolean;
}

export type Outcome =
  | {
      allowed: true;
      /** Id or name of the role of an organization token; null for the rights that this kind of token has without a role. */
      roleID: string | null;
      /** Patterns of the stacks that the token is limited to; null: no limit. */
      stacks: PolicyStack[] | null;
      /** Positions of the definitions that allow it. */
      by: number[];
    }
  | { allowed: false; why: "denied" | "unmatched" | "not-admin" | "roles"; by: number[] };

/**
 * Decides whether a policy allows an exchange (management-api §10.2). A definition that matches and denies refuses it, at whatever
 * position. Otherwise one that matches and allows is enough. Pure.
 * @param isForUs whether the token is meant for this service. Otherwise only definitions that name its audience can allow it
 */
export function evaluate(policies: PolicyDefinition[], wanted: Wanted, claims: Claims, isForUs = true): Outcome {
  const admits = (one: PolicyDefinition) =>
    isAbout(one, wanted) &&
    (isForUs || one.decision === "deny" || namesAudience(one, claims)) &&
    rulesOf(one, claims).every((rule) => rule.matches);
  const matching = [...policies.entries()].filter(([, one]) => admits(one));
  const placesOf = (some: typeof matching) => some.map(([place]) => place);
  const denying = matching.filter(([, one]) => one.decision === "deny");
  if (denying.length > 0) return { allowed: false, why: "denied", by: placesOf(denying) };
  if (matching.length === 0) return { allowed: false, why: "unmatched", by: [] };
  const allowing = wanted.admin ? matching.filter(([, one]) => one.authorizedPermissions.includes("admin")) : matching;
  if (allowing.length === 0) return { allowed: false, why: "not-admin", by: placesOf(matching) };
  const roles = new Set(allowing.flatMap(([, { roleID }]) => roleID ?? []));
  if (!wanted.admin && roles.size > 1) return { allowed: false, why: "roles", by: placesOf(allowing) };
  const [role = null] = wanted.admin ? ["admin"] : roles;
  return { allowed: true, roleID: role, stacks: stacksOf(allowing.map(([, one]) => one)), by: placesOf(allowing) };
}

/**
 * Whether a definition is about the kind of token that is asked for. The name of a team may have wildcards. Upper and lower case are equal.
 */
export function isAbout(one: PolicyDefinition, { tokenType, name }: Wanted): boolean {
  if (one.tokenType !== tokenType) return false;
  switch (one.tokenType) {
    case "organization":
      return true;
    case "team":
      return matchesPattern((one.teamName ?? "").toLowerCase(), name.toLowerCase());
    case "personal":
      return (one.userLogin ?? "").toLowerCase() === name.toLowerCase();
  }
}

export interface RuleOutcome {
  claim: string;
  pattern: string;
  /** The texts of the claim in the token. */
  values: string[];
  matches: boolean;
}

/**
 * Compares each rule of a definition with the claims. A claim that the token does not have matches nothing, not even `*`. A value that is not
 * compared matches every rule of a definition that denies, because a pipeline must not escape it by a long name.
 */
export const rulesOf = ({ rules, decision }: PolicyDefinition, claims: Claims): RuleOutcome[] =>
  Object.entries(rules).map(([claim, pattern]) => {
    const values = textsOf(claims, claim);
    const matches = values.some((value) => matchesPattern(pattern, value)) || (decision === "deny" && hasBeyond(claims, claim));
    return { claim, pattern, values, matches };
  });

/**
 * The stacks of the definitions that allow the exchange, and of those that give a role if there are any: a role must not reach stacks by a definition
 * that does not give it. If one of them has no limit to stacks, the token has none.
 */
function stacksOf(allowing: PolicyDefinition[]): PolicyStack[] | null {
  const withRole = allowing.filter(({ roleID }) => roleID !== undefined);
  const giving = withRole.length > 0 ? withRole : allowing;
  return giving.some(({ stacks }) => !stacks) ? null : giving.flatMap(({ stacks }) => stacks ?? []);
}
