import { type Claims, textsOf } from "./claims.ts";
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
      /** Id or name of the role of an organization token; null: what the kind of token has without a role. */
      roleID: string | null;
      /** Patterns of the stacks that the token is limited to; null: no limit. */
      stacks: PolicyStack[] | null;
      /** Places of the definitions that allow it. */
      by: number[];
    }
  | { allowed: false; why: "denied" | "unmatched" | "not-admin" | "roles"; by: number[] };

/**
 * Decides about an exchange by the definitions of a policy (management-api §10.2). The order of the definitions does not matter: any
 * matching one that denies wins, else any matching one that allows. Pure.
 */
export function evaluate(policies: PolicyDefinition[], wanted: Wanted, claims: Claims): Outcome {
  const matching = [...policies.entries()].filter(([, one]) => isAbout(one, wanted) && rulesOf(one, claims).every((rule) => rule.matches));
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

/** Whether a definition is about the kind of token that is asked for. The name of a team may have wildcards. Case does not count. */
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

/** Compares each rule of a definition with the claims. A claim that the token does not have matches nothing, not even `*`. */
export const rulesOf = ({ rules }: PolicyDefinition, claims: Claims): RuleOutcome[] =>
  Object.entries(rules).map(([claim, pattern]) => {
    const values = textsOf(claims, claim);
    return { claim, pattern, values, matches: values.some((value) => matchesPattern(pattern, value)) };
  });

/** The stacks of all definitions that allow the exchange. If one of them has no limit to stacks, the token has none. */
function stacksOf(allowing: PolicyDefinition[]): PolicyStack[] | null {
  return allowing.some(({ stacks }) => !stacks) ? null : allowing.flatMap(({ stacks }) => stacks ?? []);
}
