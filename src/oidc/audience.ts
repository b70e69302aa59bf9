import { type Claims, textsOf } from "./claims.ts";
import { hasWildcard } from "./pattern.ts";
import type { PolicyDefinition } from "./table.ts";

/** The audience that a pipeline asks its provider for. The CLI reads the organization from it (cli-protocol §2.6). */
export const audienceOf = (orgName: string): string => `urn:pulumi:org:${orgName}`;

/**
 * Whether a token is meant for this service: otherwise another service that receives it could use it here. Accepted are the organization's
 * audience, the address of the deployment, and those that the issuer lists.
 */
export function isMeantForUs(claims: Claims, { audiences }: { audiences: string[] }, orgName: string, origin: string): boolean {
  const accepted = new Set([audienceOf(orgName), origin, ...audiences]);
  return textsOf(claims, "aud").some((audience) => accepted.has(audience));
}

/** Whether a definition names an audience of a token without a wildcard. It admits the token even if that audience is another service's. */
export const namesAudience = ({ rules: { aud } }: PolicyDefinition, claims: Claims): boolean =>
  aud !== undefined && !hasWildcard(aud) && textsOf(claims, "aud").includes(aud);

/** Whether the audience is accepted, by the issuer or by a definition that allows. */
export const isAudienceAccepted = (
  claims: Claims,
  issuer: { audiences: string[]; policies: PolicyDefinition[] },
  orgName: string,
  origin: string,
): boolean =>
  isMeantForUs(claims, issuer, orgName, origin) || issuer.policies.some((one) => one.decision === "allow" && namesAudience(one, claims));
