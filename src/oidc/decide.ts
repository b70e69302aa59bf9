import type { StackRule } from "../tokens/table.ts";
import { isAudienceAccepted, isMeantForUs } from "./audience.ts";
import type { Claims } from "./claims.ts";
import { type Outcome, type Wanted, evaluate } from "./evaluate.ts";
import type { IssuerRow } from "./issuer.ts";
import type { Refusal } from "./refuse.ts";
import { stackRulesFor } from "./stacks.ts";
import { tellOutcome } from "./tell.ts";

/** The rights that the policy gives: the role of an organization token, and the stacks. */
export interface Given {
  roleID: string | null;
  stackRules: StackRule[] | null;
  by: number[];
}

/** Decides on an exchange. It checks the audience first, because the rules of a policy do not have to name it. Pure. */
export function decideOn(issuer: IssuerRow, wanted: Wanted, claims: Claims, orgName: string, origin: string): Given | Refusal {
  if (!isAudienceAccepted(claims, issuer, orgName, origin))
    return {
      code: "invalid_grant",
      told: `The token is not meant for this service: its audience (aud) must be urn:pulumi:org:${orgName}, or one that the issuer's settings list.`,
    };
  const outcome: Outcome = evaluate(issuer.policies, wanted, claims, isMeantForUs(claims, issuer, orgName, origin));
  if (!outcome.allowed)
    return {
      code: outcome.why === "roles" ? "invalid_request" : "invalid_grant",
      told:
        outcome.why === "roles" ? "Several policies match, and they give different roles." : "No policy of the issuer allows this token.",
      detail: tellOutcome(issuer.policies, wanted, claims, outcome),
    };
  const stacks = outcome.stacks === null ? { rules: null } : stackRulesFor(outcome.stacks, claims);
  if ("unusable" in stacks)
    return {
      code: "invalid_grant",
      told: "A claim of the token cannot be part of the name of a stack.",
      detail: `the claim ${stacks.unusable} is not a name that a pattern of the policy can use`,
    };
  return { roleID: outcome.roleID, stackRules: stacks.rules, by: outcome.by };
}
