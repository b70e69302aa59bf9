import { type Claims, textsOf } from "./claims.ts";
import { hasWildcard } from "./pattern.ts";
import type { PolicyDefinition } from "./table.ts";

/** The audience that a pipeline asks its provider for. The CLI reads the organization from it (cli-protocol §2.6). */
export const audienceOf = (orgName: string): string => `urn:pulumi:org:${orgName}`;

interface Accepting {
  audiences: string[];
  policies: PolicyDefinition[];
}

/**
 * Whether a token is meant for this service: otherwise another service that receives it could use it here. Accepted are the organization's
 * audience, the address of the deployment, those that the issuer lists, and those that a definition of the policy names without a wildcard.
 */
export function isMeantForUs(claims: Claims, { audiences, policies }: Accepting, orgName: string, origin: string): boolean {
  const named = policies.flatMap(({ decision, rules: { aud } }) =>
    decision === "allow" && aud !== undefined && !hasWildcard(aud) ? [aud] : [],
  );
  const accepted = new Set([audienceOf(orgName), origin, ...audiences, ...named]);
  return textsOf(claims, "aud").some((audience) => accepted.has(audience));
}
