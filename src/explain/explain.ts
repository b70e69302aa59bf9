import type * as z from "zod/mini";
import { circumstancesOf } from "../auth/editions.ts";
import { type Holder, type Question, reasonsFor, refusalOf } from "../auth/explain.ts";
import { guarded } from "../auth/guard.ts";
import { isAdministrator, membershipOf } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import { stateOf } from "../tokens/accessToken.ts";
import { conditionsOf } from "./conditions.ts";
import type { TokenRow } from "./queries.ts";
import type { AccessExplanation } from "./openapi.ts";
import type { ExplainAccessQuery, Subject } from "./schema.ts";
import { refusalText, toReason } from "./sentence.ts";
import { readSubject } from "./subject.ts";

/**
 * Explains whether somebody has a right, and by what. The limits of a token count, but not its networks, because the question does not say from where
 * a call would come.
 * @throws 403 for a question about others by a caller who is not an administrator, 404 for a subject or a stack that the caller does not know
 */
export async function explainAccess(
  ctx: OrgContext,
  { subject: asked, permission, project, stack: stackName }: z.infer<typeof ExplainAccessQuery>,
): Promise<AccessExplanation> {
  const isSelf = asked === undefined || isCaller(ctx, asked);
  if (!isSelf && !isAdministrator(membershipOf(ctx))) throw await aboutOthers(ctx);
  const at = project !== undefined && stackName !== undefined ? { projectName: project, stackName } : undefined;
  const { subject, holder: whose, stack, token } = await readSubject(ctx, isSelf ? callerOf(ctx) : asked, at);
  const holder = isSelf ? withOwnLimits(ctx, whose) : whose;
  const path = stack ? `${stack.projectName}/${stack.stackName}` : "";
  return {
    subject,
    permission,
    ...(stack && { stack: path }),
    ...answerOf(ctx, holder, { permission, stack, circumstances: circumstancesOf(ctx) }, path, token),
    conditions: conditionsOf(holder.limits, membershipOf(ctx).settings, ctx.org.name, token),
  };
}

function answerOf(ctx: OrgContext, holder: Holder, question: Question, path: string, token: TokenRow | undefined) {
  const state = token ? stateOf(token, ctx.now) : "active";
  const reasons = state === "active" ? reasonsFor(holder, question) : [];
  if (reasons.length > 0) return { allowed: true, reasons: reasons.map((source) => toReason(source, ctx.org.name, path)) };
  const by = state === "active" ? refusalOf(holder, question) : state;
  return { allowed: false, reasons: [], refusal: { by, text: refusalText(holder, by, question.permission, path) } };
}

const callerOf = ({ actor }: OrgContext): Subject =>
  actor.kind === "user" ? { kind: "user", name: actor.user.login } : { kind: "token", name: actor.token.id };

/** Whether the caller means itself: by its login, or by the id of the token that it uses. */
function isCaller(ctx: OrgContext, { kind, name }: Subject): boolean {
  if (kind === "token") return name === ctx.actor.token.id;
  const caller = callerOf(ctx);
  return kind === caller.kind && name.toLowerCase() === caller.name.toLowerCase();
}

/** In a question about the caller the limits of its credential count. Its network is allowed, because the call has come from there. */
export const withOwnLimits = ({ actor }: OrgContext, holder: Holder): Holder => ({
  ...holder,
  limits: { ...actor.limits, allowedCidrs: [], allowedCountries: [] },
});

async function aboutOthers(ctx: OrgContext) {
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, "access of others");
  return forbidden(
    `You do not have permission to perform this operation: only administrators of ${ctx.org.name} may ask about the access of others.`,
  );
}
