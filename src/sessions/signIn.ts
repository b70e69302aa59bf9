import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { authenticate } from "../auth/authenticate.ts";
import { guard, guardMemberships } from "../auth/guard.ts";
import { retryAfterChange } from "../auth/retry.ts";
import { type RequestContext, acceptedOf, isPerson } from "../context.ts";
import { batch, enterPlace } from "../db/client.ts";
import { DIRECTORY } from "../db/places.ts";
import { AppError } from "../errors.ts";
import { identityOf } from "../tokens/create.ts";
import { type Opening, openSession } from "./open.ts";

/**
 * Exchanges a personal token for a session. A machine token cannot sign in, because it does not represent a person (management-api §3.11).
 * @returns the cookie's value
 * @throws 400 with a message for the person at the form, 429 after too many wrong tokens
 */
export const signInWithToken = (ctx: RequestContext, value: string): Promise<string> =>
  // For a machine token, the look-up has continued the request in the database of its organization.
  retryAfterChange((fresh) => signIn(ctx, value, fresh)).finally(() => enterPlace(ctx, DIRECTORY));

/** @throws PreconditionFailed when the token or its person's organizations have changed since they were cached */
async function signIn(ctx: RequestContext, value: string, fresh: boolean): Promise<string> {
  const { actor } = await authenticate(ctx, `token ${value.trim()}`, undefined, { fresh }).catch((error: unknown) => {
    const known = error instanceof AppError && error.status === 401;
    if (!known) throw error;
    const why = error.headers["X-Pulumi-Warning"];
    throw new AppError(400, why ? `This token cannot be used: ${why}.` : "This is not a valid access token.");
  });
  if (actor.kind !== "user" || !isPerson(actor)) {
    const org = actor.kind === "user" ? actor.memberships[0]?.org : actor.org;
    const kind = actor.kind === "user" ? "exchanged personal" : actor.kind;
    const refused = auditEvent(ctx, org?.id ?? "", whoIs(actor), {
      event: "user-login-failed",
      description: `Refused: the ${kind} token "${actor.token.name}" cannot sign in to the console.`,
    });
    if (org) await batch(ctx.store, [auditStatement(ctx.store, refused)]);
    if (org) relaySoon(ctx, refused);
    throw new AppError(400, "This token belongs to a machine. Sign in with a personal access token.");
  }
  const session: Opening = {
    id: crypto.randomUUID(),
    openedWith: actor.token.id,
    onlyOrgId: actor.limits.onlyOrgId,
    identityId: identityOf(actor),
  };
  const description = `Signed in to the console with a personal token: session ${session.id}.`;
  // The log of each organization whose membership the person has accepted records the sign-in.
  const events = acceptedOf(actor).map(({ org }) => auditEvent(ctx, org.id, whoIs(actor), { event: "user-login", description }));
  const promised = events.map((event) => auditStatement(ctx.store, event));
  const cookie = await openSession(
    ctx,
    actor.user,
    session,
    [guard(ctx.store, actor, ctx.now)],
    guardMemberships(ctx.store, actor),
    ...promised,
  );
  if (events.length > 0) relaySoon(ctx, ...events);
  return cookie;
}
