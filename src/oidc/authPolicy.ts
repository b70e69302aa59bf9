import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { AppError, conflict, notFound } from "../errors.ts";
import { type SentDefinitions, checkDefinitions } from "./definitions.ts";
import { afterSessions, endSessions } from "./endSessions.ts";
import { findIssuer, nextVersion, thatIssuer, toPolicy, withThatPolicy } from "./issuer.ts";
import { oneLine } from "./label.ts";
import { type PolicyDefinition, oidcIssuers } from "./table.ts";
import { warningsOf } from "./warnings.ts";

/** Maximum number of characters of the old and of the new policy in the audit log. */
const MOST_TOLD = 3000;

/** @throws 400 for an unknown issuer, as the contract says */
export async function getAuthPolicy(ctx: OrgContext, issuerId: string) {
  const row = await findIssuer(ctx, thatIssuer(ctx, issuerId));
  if (!row) throw new AppError(400, "Invalid issuer ID");
  return { ...toPolicy(row), warnings: warningsOf(row.url, row.policies) };
}

/**
 * Replaces a policy. If the new one allows less, the issuer's exchanged tokens end in the same transaction, unless its settings keep them. It also
 * enables an issuer that a revocation has disabled: the caller is responsible for its tokens from now on.
 * @param version the version of the policy that the caller has read, if any
 * @throws 400, 404, 409 when it was changed at the same time
 */
export async function updateAuthPolicy(
  ctx: OrgContext,
  policyId: string,
  { policies: sent }: { policies: SentDefinitions },
  version?: number,
) {
  if (sent.length === 0) throw new AppError(400, "policy definition can not be empty");
  const before = await findIssuer(ctx, withThatPolicy(ctx, policyId));
  if (!before) throw notFound("Policy");
  if (version !== undefined && version !== before.policyVersion) throw changedMeanwhile();
  const policies = await checkDefinitions(ctx, before.url, sent);
  const warnings = warningsOf(before.url, policies);
  const ends = before.endsSessions && allowsLess(before.policies, policies);
  const told = (some: PolicyDefinition[]) => oneLine(JSON.stringify(some), MOST_TOLD);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "authorization-policy-updated",
    description: `Changed the policy of the identity provider "${before.name}" (${before.id}) from ${told(before.policies)} to ${told(policies)}${ends ? ", and ended its exchanged tokens" : ""}.`,
  });
  const { statements, removal } = endSessions(ctx, before.id, ends ? undefined : sql`0`);
  const [changed, , tokens, , lost] = await guarded(ctx, [
    ctx.store.db
      .update(oidcIssuers)
      .set({
        policies,
        policyVersion: before.policyVersion + 1,
        policyModifiedAt: ctx.now,
        version: nextVersion,
        madeWith: ctx.actor.token.id,
        disabledAt: null,
      })
      .where(and(thatIssuer(ctx, before.id), eq(oidcIssuers.version, before.version)))
      .returning({ id: oidcIssuers.id }),
    auditIf(ctx.store, event, changedARow),
    ...statements,
  ]);
  if (!changed[0]) throw changedMeanwhile();
  await afterSessions(ctx, tokens, lost);
  relaySoon(ctx, event, removal);
  return { ...toPolicy({ ...before, policies, policyVersion: before.policyVersion + 1, policyModifiedAt: ctx.now }), warnings };
}

const changedMeanwhile = () => conflict("the policy was changed at the same time, try again");

/**
 * Whether a token that the old policy allowed may not be allowed by the new one: a definition that allows is gone or has changed, or one that
 * denies is new. Pure.
 */
export function allowsLess(before: PolicyDefinition[], after: PolicyDefinition[]): boolean {
  const texts = (some: PolicyDefinition[], decision: PolicyDefinition["decision"]) =>
    new Set(some.filter((one) => one.decision === decision).map(canonical));
  const [allowed, denied] = [texts(after, "allow"), texts(before, "deny")];
  return [...texts(before, "allow")].some((text) => !allowed.has(text)) || [...texts(after, "deny")].some((text) => !denied.has(text));
}

const canonical = ({ rules, ...rest }: PolicyDefinition): string =>
  JSON.stringify([rest, Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1))]);
