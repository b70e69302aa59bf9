import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { isAudienceAccepted } from "./audience.ts";
import type { Claims } from "./claims.ts";
import { decideOn } from "./decide.ts";
import { isAbout, rulesOf } from "./evaluate.ts";
import { type IssuerRow, readIssuer } from "./issuer.ts";
import { MOST_CHARACTERS, readToken } from "./jwt.ts";
import { nameFor } from "./label.ts";
import type { TestResult } from "./openapi.ts";
import { verifyWithFreshKeys } from "./refresh.ts";
import { USUAL_SECONDS, wantedBy } from "./request.ts";
import type { TestIssuerRequest } from "./schema.ts";

/**
 * Compares a token, or claims without a signature, with an issuer's policy, and says what an exchange would give. It issues nothing, and the token
 * is stored nowhere.
 */
export async function testIssuer(
  ctx: OrgContext,
  id: string,
  request: z.infer<typeof TestIssuerRequest>,
  origin: string,
): Promise<TestResult> {
  const issuer = await readIssuer(ctx, id);
  const tokenType = request.tokenType ?? "organization";
  const wanted = wantedBy(tokenType, request.scope ?? "");
  const { token, claims } = await claimsOf(ctx, issuer, request);
  const decided = decideOn(issuer, wanted, claims, ctx.org.name, origin);
  const isRefused = "code" in decided;
  const isValid = token === "valid" || token === "not checked";
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "oidc-issuer-tested",
    description: `Tested the policy of the identity provider "${issuer.name}" (${issuer.id}) for a ${tokenType} token: it ${isRefused || !isValid ? "would be refused" : "would be allowed"}.`,
  });
  await guarded(ctx, [auditStatement(ctx.store, event)]);
  relaySoon(ctx, event);
  return {
    token,
    claims,
    audienceMatches: isAudienceAccepted(claims, issuer, ctx.org.name, origin),
    policies: issuer.policies.map((one) => {
      const rules = rulesOf(one, claims);
      return { decision: one.decision, applies: isAbout(one, wanted), matches: rules.every((rule) => rule.matches), rules };
    }),
    allowed: !isRefused && isValid && issuer.disabledAt === null,
    ...(isRefused && { reason: decided.detail ?? decided.told }),
    ...(!isRefused && {
      wouldIssue: {
        name: nameFor(issuer.name, claims),
        tokenType,
        ...(decided.roleID !== null && { roleID: decided.roleID }),
        ...(decided.stackRules && { stacks: decided.stackRules }),
        expiresIn: Math.min(request.expiration ?? USUAL_SECONDS, issuer.maxExpiration),
      },
    }),
  };
}

async function claimsOf(
  ctx: OrgContext,
  issuer: IssuerRow,
  { token, claims }: z.infer<typeof TestIssuerRequest>,
): Promise<{ token: string; claims: Claims }> {
  if (Boolean(token) === Boolean(claims)) throw badRequest("either token or claims is required");
  if (!token) {
    if (JSON.stringify(claims).length > MOST_CHARACTERS) throw badRequest(`claims have at most ${MOST_CHARACTERS} characters`);
    return { token: "not checked", claims: claims! };
  }
  const read = readToken(token.trim());
  if (typeof read === "string") throw badRequest(read);
  if (read.issuer !== issuer.issuer)
    return { token: `its issuer is ${read.issuer.slice(0, 200)}, and not ${issuer.issuer}`, claims: read.claims };
  const verified = await verifyWithFreshKeys(ctx, token.trim(), issuer);
  if (verified === "no-keys") return { token: "the keys of the issuer are not available", claims: read.claims };
  return "claims" in verified ? { token: "valid", claims: verified.claims } : { token: verified.why, claims: read.claims };
}
