import type { StackRule } from "../tokens/table.ts";
import { type Claims, textOf } from "./claims.ts";
import type { PolicyStack } from "./table.ts";

/** A claim in a pattern: `{environment}`. */
const placeholder = /\{([^{}]+)\}/g;

/** The paths of the claims in a pattern. */
export const claimsIn = (pattern: string): string[] => [...pattern.matchAll(placeholder)].map(([, claim]) => claim!);

/** Replaces each claim in a pattern by a text. */
export const withClaims = (pattern: string, textFor: (claim: string) => string): string =>
  pattern.replaceAll(placeholder, (_, claim: string) => textFor(claim));

/** A value of a claim that may be part of a pattern. It has no `*`, which would match other stacks. */
const name = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * The rules on stacks of an exchanged token: the patterns of the policy, with the values of the claims.
 * @returns the claim whose value cannot be part of a name, if there is one
 */
export function stackRulesFor(stacks: PolicyStack[], claims: Claims): { rules: StackRule[] } | { unusable: string } {
  const known = withRepositoryName(claims);
  const unusable = stacks
    .flatMap(({ project, stack }) => [...claimsIn(project), ...claimsIn(stack)])
    .find((claim) => !name.test(textOf(known, claim)));
  if (unusable !== undefined) return { unusable };
  const fill = (pattern: string) => withClaims(pattern, (claim) => textOf(known, claim));
  return { rules: stacks.map(({ project, stack, access }) => ({ project: fill(project), stack: fill(stack), access })) };
}

/** GitHub and GitLab have no claim for the name of the repository alone, without its owner. */
function withRepositoryName(claims: Claims): Claims {
  const path = textOf(claims, "repository") || textOf(claims, "project_path");
  return Object.hasOwn(claims, "repository_name") || path === ""
    ? claims
    : { ...claims, repository_name: path.slice(path.lastIndexOf("/") + 1) };
}
