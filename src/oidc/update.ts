import { and, eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, conflict } from "../errors.ts";
import { discover } from "./discover.ts";
import { afterSessions, endSessions } from "./endSessions.ts";
import { type IssuerRow, nextVersion, readIssuer, thatIssuer, toIssuer } from "./issuer.ts";
import { keysOf } from "./register.ts";
import { type UpdateIssuerRequest, USUAL_MAX_EXPIRATION } from "./schema.ts";
import { type PublicKey, oidcIssuers } from "./table.ts";

/** Changes an issuer; a member that is absent or null stays. The URL cannot change. @throws 409 when it was changed at the same time */
export async function updateIssuer(ctx: OrgContext, id: string, request: z.infer<typeof UpdateIssuerRequest>) {
  const before = await readIssuer(ctx, id);
  const after = withChanges(ctx, before, request);
  const changes = differences(before, after);
  return changes.length === 0 ? toIssuer(before) : store(ctx, before, after, changes.join("; "));
}

/** Whether a change of an issuer would end its exchanged tokens. @throws 400 */
export async function updateEndsSessions(ctx: OrgContext, id: string, request: z.infer<typeof UpdateIssuerRequest>): Promise<boolean> {
  const before = await readIssuer(ctx, id);
  return before.endsSessions && narrows(before, withChanges(ctx, before, request));
}

function withChanges(ctx: OrgContext, before: IssuerRow, request: z.infer<typeof UpdateIssuerRequest>): IssuerRow {
  const keys = keysOf(request.jwks);
  return {
    ...before,
    name: request.name,
    thumbprints: request.thumbprints ?? before.thumbprints,
    maxExpiration: typeof request.maxExpiration === "number" ? request.maxExpiration || USUAL_MAX_EXPIRATION : before.maxExpiration,
    audiences: request.audiences ?? before.audiences,
    singleUse: request.singleUse ?? before.singleUse,
    endsSessions: request.endsSessions ?? before.endsSessions,
    ...(keys && { jwksUri: null, keys, fetchedAt: ctx.now }),
  };
}

/**
 * Reads the keys of an issuer again. The contract speaks of thumbprints: a Worker cannot see the certificate of a server, so they stay as they are
 * (management-api §10.1).
 */
export async function refreshIssuer(ctx: OrgContext, id: string) {
  const before = await readIssuer(ctx, id);
  if (before.jwksUri === null) throw badRequest("issuer jwks are statically configured, can't regenerate thumbprints");
  return store(
    ctx,
    before,
    { ...before, ...(await discover(ctx, before.url)), fetchedAt: ctx.now, triedAt: ctx.now },
    "its keys were read again",
  );
}

/** @param happened for the audit log */
async function store(ctx: OrgContext, before: IssuerRow, after: IssuerRow, happened: string) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "oidc-issuer-updated",
    description: `Changed the identity provider "${before.name}" (${before.id}): ${happened}.`,
  });
  const isNarrower = narrows(before, after);
  const { statements, removal } = endSessions(ctx, before.id, isNarrower && before.endsSessions ? undefined : sql`0`);
  const { name, thumbprints, maxExpiration, audiences, singleUse, endsSessions, jwksUri, keys, fetchedAt, triedAt } = after;
  const isOtherTrust = (keys !== before.keys && jwksUri === null) || audiences !== before.audiences;
  const [changed, , tokens, , lost] = await guarded(ctx, [
    ctx.store.db
      .update(oidcIssuers)
      .set({
        name,
        thumbprints,
        maxExpiration,
        audiences,
        singleUse,
        endsSessions,
        // Otherwise older keys would replace keys that an exchange has just read.
        ...(keys !== before.keys && { jwksUri, keys, fetchedAt, triedAt }),
        modifiedAt: ctx.now,
        version: nextVersion,
        // The caller changes which tokens are accepted, and so becomes responsible for what is exchanged. Keys that the issuer publishes change no trust.
        ...(isOtherTrust && { madeWith: ctx.actor.token.id }),
      })
      .where(and(thatIssuer(ctx, before.id), eq(oidcIssuers.version, before.version)))
      .returning({ modifiedAt: oidcIssuers.modifiedAt }),
    auditIf(ctx.store, event, changedARow),
    ...statements,
  ]);
  if (!changed[0]) throw conflict("the identity provider was changed at the same time, try again");
  await afterSessions(ctx, tokens, lost);
  relaySoon(ctx, event, removal);
  return toIssuer({ ...after, modifiedAt: ctx.now });
}

/** Whether tokens that were accepted before would not be accepted now. Keys that the issuer publishes itself do not count. */
function narrows(before: IssuerRow, after: IssuerRow): boolean {
  const left = new Set(after.keys.map((key) => JSON.stringify(key)));
  const losesKey = after.jwksUri === null && before.keys.some((key) => !left.has(JSON.stringify(key)));
  return losesKey || before.audiences.some((audience) => !after.audiences.includes(audience));
}

/** A key in the audit log: its id, and the beginning of its public part. */
const fingerprintOf = ({ kid, n, x }: PublicKey) => `${kid ?? "without id"} (${(n ?? x ?? "").slice(0, 16)}…)`;

function differences(before: IssuerRow, after: IssuerRow): string[] {
  const shown: [string, (row: IssuerRow) => string][] = [
    ["name", (row) => JSON.stringify(row.name)],
    ["longest lifetime", (row) => `${row.maxExpiration} seconds`],
    ["audiences", (row) => row.audiences.join(", ") || "none"],
    ["thumbprints", (row) => row.thumbprints.join(", ") || "none"],
    ["single use", (row) => (row.singleUse ? "yes" : "no")],
    ["exchanged tokens end with it", (row) => (row.endsSessions ? "yes" : "no")],
    ["keys", (row) => row.keys.map(fingerprintOf).join(", ")],
    ["place of the keys", (row) => row.jwksUri ?? "registered"],
  ];
  return shown.flatMap(([name, show]) => (show(before) === show(after) ? [] : [`${name} from ${show(before)} to ${show(after)}`]));
}
