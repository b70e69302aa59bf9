import { eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { toHex } from "../bytes/base64.ts";
import type { OrgContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, failUnless } from "../db/client.ts";
import { newIdAt } from "../db/places.ts";
import { AppError, badRequest } from "../errors.ts";
import { newSigningSecret } from "../http/standardWebhooks.ts";
import type { Webhook } from "./openapi.ts";
import { noteChange } from "./reach.ts";
import type { WebhookRequest } from "./schema.ts";
import { addressOf, formatOf, requireLog, requireSamePlace, selectionOf } from "./settings.ts";
import { webhookCursors, webhooks } from "./table.ts";
import { type Place, atPlace, called, listWebhooks, mostWebhooks, readStackId, sealHook, stackOfEvent, toWebhook } from "./webhook.ts";

export const randomHex = (bytes: number) => toHex(crypto.getRandomValues(new Uint8Array(bytes)));

/** SQL for the number of the last record of the organization's audit log. */
export const lastSeq = (orgId: string) => sql<number>`coalesce((SELECT seq FROM audit_heads WHERE org_id = ${orgId}), 0)`;

/**
 * Adds a webhook, which sends what happens from now on.
 * @param host of the request, with its port
 * @throws 400, 404 for an unknown stack, 409 for a name that exists already
 */
export async function createWebhook(ctx: OrgContext, place: Place, request: WebhookRequest, host: string): Promise<Webhook> {
  requireSamePlace(ctx, place, request);
  const format = formatOf(place, request.format, "raw");
  const selection = selectionOf(place, request);
  const url = addressOf(ctx, request.payloadUrl, host);
  await requireLog(ctx, selection);
  if (request.newSecret && request.secret) throw badRequest("a request has a secret or asks for a new one, not both");
  const shown = request.newSecret ? newSigningSecret() : undefined;
  const secret = shown ?? request.secret ?? "";
  const stackId = await readStackId(ctx, place);
  const id = newIdAt(ctx.store.place);
  const row = {
    id,
    orgId: ctx.org.id,
    stackId,
    name: request.name || randomHex(4),
    displayName: request.displayName,
    format,
    ...selection,
    sealed: await sealHook(ctx.env, id, { url: request.payloadUrl, secret }),
    destination: url.host,
    secretTag: secret === "" ? "" : randomHex(16),
    active: request.active,
    disabledFor: null,
    host,
    fromSeq: 0,
    version: 1,
    createdAt: ctx.now,
    modifiedAt: ctx.now,
    madeWith: ctx.actor.token.id,
    failingSince: null,
    error: "",
    digestAt: ctx.now,
  };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "webhook-created",
    description: `Added ${called(place, row)} in the format ${format}, for ${inWords(selection)}.`,
    ...stackOfEvent(place),
  });
  const count = sql`(SELECT count(*) FROM ${webhooks} WHERE ${atPlace(ctx, place)})`;
  const isThere =
    stackId === "" ? sql`1` : sql`EXISTS (SELECT 1 FROM stacks WHERE id = ${stackId} AND org_id = ${ctx.org.id} AND deleted_at IS NULL)`;
  try {
    await guarded(ctx, [
      ctx.store.db.select({ holds: failUnless(sql`${count} < ${mostWebhooks(place)} AND ${isThere}`) }).from(sql`(SELECT 1)`),
      ctx.store.db.insert(webhooks).values({ ...row, fromSeq: lastSeq(ctx.org.id) as never }),
      startCursor(ctx),
      auditStatement(ctx.store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(409, `Conflict: Webhook with name ${row.name} already exists.`);
    if (error instanceof PreconditionFailed && (await listWebhooks(ctx, place)).length >= mostWebhooks(place))
      throw badRequest(`${place ? "a stack" : "an organization"} has at most ${mostWebhooks(place)} webhooks of its own`);
    throw error;
  }
  relaySoon(ctx, event);
  if (row.digest !== null) noteChange(ctx, id);
  return { ...(await toWebhook(ctx, place, row, true)), ...(shown !== undefined && { secret: shown }) };
}

/** From the first webhook of an organization on, its log is examined, beginning at the present end. */
const startCursor = ({ store, org }: OrgContext) =>
  store.db
    .insert(webhookCursors)
    .select(sql`SELECT ${org.id}, ${lastSeq(org.id)} WHERE true`)
    .onConflictDoNothing();

/**
 * After its last webhook was deleted, the log of an organization is not examined any more. This statement follows the deletion, in the same
 * batch.
 */
export const endCursor = ({ store, org }: OrgContext) =>
  store.db
    .delete(webhookCursors)
    .where(sql`${eq(webhookCursors.orgId, org.id)} AND NOT EXISTS (SELECT 1 FROM ${webhooks} WHERE ${webhooks.orgId} = ${org.id})`);

/** Filters and groups, or the digest, in a sentence. */
export function inWords({ filters, groups, digest }: { filters: string[]; groups: string[]; digest: string | null }): string {
  if (digest !== null) return `a ${digest} digest`;
  const names = [...groups.map((group) => `group ${group}`), ...filters];
  return names.length === 0 ? "all events" : names.slice(0, 20).join(", ") + (names.length > 20 ? ` and ${names.length - 20} more` : "");
}
