import type { Claims } from "./claims.ts";
import { type Outcome, type Wanted, isAbout, rulesOf } from "./evaluate.ts";
import { oneLine } from "./label.ts";
import type { PolicyDefinition } from "./table.ts";

/** Maximum number of characters of a reason, and of a value in it. */
const MOST = 1200;
const MOST_OF_VALUE = 120;

/** Why the policy does not allow an exchange, for administrators: the rules that do not match, with the values of the claims. */
export function tellOutcome(policies: PolicyDefinition[], wanted: Wanted, claims: Claims, outcome: Outcome & { allowed: false }): string {
  const numbers = outcome.by.map((place) => place + 1).join(", ");
  switch (outcome.why) {
    case "denied":
      return `policy ${numbers} denies it`;
    case "not-admin":
      return `the scope admin needs a policy with the permission admin, and policy ${numbers} has none`;
    case "roles":
      return `the policies ${numbers} give different roles`;
    case "unmatched": {
      const reasons = [...policies.entries()].flatMap(([place, one]) =>
        one.decision === "allow" && isAbout(one, wanted) ? [`policy ${place + 1}: ${failing(one, claims)}`] : [],
      );
      return reasons.length === 0
        ? `no policy is about ${wanted.tokenType} tokens${wanted.name && ` of ${oneLine(wanted.name, 100)}`}`
        : oneLine(reasons.join("; "), MOST);
    }
  }
}

const failing = (one: PolicyDefinition, claims: Claims): string =>
  failingRules(one, claims) || "it does not name the audience of the token";

const failingRules = (one: PolicyDefinition, claims: Claims): string =>
  rulesOf(one, claims)
    .filter(({ matches }) => !matches)
    .map(
      ({ claim, pattern, values }) =>
        `${claim} is ${oneLine(values.map((value) => `"${value}"`).join(" and ") || "absent", MOST_OF_VALUE)}, and must be "${pattern}"`,
    )
    .join(", ");
