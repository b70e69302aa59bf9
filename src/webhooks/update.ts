import { and, eq } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, conflict } from "../errors.ts";
import { newSigningSecret } from "../http/standardWebhooks.ts";
import { isSealedWithOldKey } from "../secrets/sealed.ts";
import { inWords, lastSeq, randomHex } from "./create.ts";
import type { Webhook } from "./openapi.ts";
import type { WebhookRequest } from "./schema.ts";
import { noteChange } from "./reach.ts";
import { addressOf, formatOf, requireLog, requireSamePlace, selectionOf } from "./settings.ts";
import { webhooks } from "./table.ts";
import { type Place, type WebhookRow, called, openHook, readHook, sealHook, stackOfEvent, toWebhook } from "./webhook.ts";

/** This value of `secret` removes the secret of the webhook. The CLI sends it (`--secret ""`), because it leaves an empty one out. */
const REMOVE = "__remove-secret";

/**
 * Changes a webhook. The request has the whole webhook, so absent filters and groups are none; an absent secret and format stay.
 * @param host of the request, with its port
 * @throws 400, 404, 409 when it was changed at the same time
 */
export async function updateWebhook(ctx: OrgContext, place: Place, name: string, request: WebhookRequest, host: string): Promise<Webhook> {
  requireSamePlace(ctx, place, request);
  if (request.name && request.name !== name) throw badRequest("the name of a webhook cannot change");
  if (request.newSecret && request.secret) throw badRequest("a request has a secret or asks for a new one, not both");
  const url = addressOf(ctx, request.payloadUrl, host);
  const before = await readHook(ctx, place, name);
  const selection = selectionOf(place, request, before.digest);
  const format = formatOf(place, request.format, before.format);
  await requireLog(ctx, before, selection);
  const opened = await openHook(ctx.env, before);
  const shown = request.newSecret ? newSigningSecret() : undefined;
  const secret = secretOf(shown ?? request.secret, before, opened?.secret);
  const isNewSecret = secret !== opened?.secret;
  const { displayName, active, payloadUrl } = request;
  const isNewPlace = payloadUrl !== opened?.url;
  const isActivated = active && !before.active;
  const beginsDigests = selection.digest !== null && (before.digest === null || isActivated);
  const changes = differences(before, { displayName, format, active, destination: url.host, ...selection });
  if (isNewPlace && url.host === before.destination) changes.push("address");
  if (isNewSecret) changes.push(secret === "" ? "no secret any more" : "secret");
  if (changes.length === 0) return toWebhook(ctx, place, before, true);
  const set = {
    displayName,
    format,
    active,
    ...selection,
    destination: url.host,
    host,
    modifiedAt: ctx.now,
    failingSince: null,
    error: "",
    version: before.version + 1,
    ...(isNewSecret && { secretTag: secret === "" ? "" : randomHex(16) }),
    ...(isActivated && { disabledFor: null }),
    // The caller that changes where messages go, or lets them go again, is responsible for the webhook.
    ...((isNewPlace || isNewSecret || isActivated) && { madeWith: ctx.actor.token.id }),
  };
  const isResealed = isNewSecret || isNewPlace || isSealedWithOldKey(ctx.env, before.sealed);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "webhook-updated",
    description: `Changed ${called(place, before)}: ${changes.join("; ")}.`,
    ...stackOfEvent(place),
  });
  const [changed] = await guarded(ctx, [
    ctx.store.db
      .update(webhooks)
      .set({
        ...set,
        ...(isResealed && { sealed: await sealHook(ctx.env, before.id, { url: payloadUrl, secret }) }),
        ...(beginsDigests && { digestAt: ctx.now }),
        // What happened while it was not active, or sent no digests, is not sent.
        ...((isActivated || beginsDigests) && { fromSeq: lastSeq(ctx.org.id) as never }),
      })
      .where(and(eq(webhooks.id, before.id), eq(webhooks.version, before.version)))
      .returning(),
    auditIf(ctx.store, event, changedARow),
  ]);
  const after = changed[0];
  if (!after) throw conflict("the webhook was changed at the same time, try again");
  relaySoon(ctx, event);
  noteChange(ctx, before.id);
  return { ...(await toWebhook(ctx, place, after, true)), ...(shown !== undefined && { secret: shown }) };
}

function secretOf(sent: string | null | undefined, before: WebhookRow, stored: string | undefined): string {
  if (sent === REMOVE) return "";
  if (sent) return sent;
  if (stored !== undefined) return stored;
  if (before.secretTag === "") return "";
  throw badRequest("the stored secret cannot be read any more, so secret is required again");
}

type Told = Pick<WebhookRow, "displayName" | "format" | "active" | "destination" | "filters" | "groups" | "digest">;

/** The changed settings in words, for the audit log. */
function differences(before: Told, after: Told): string[] {
  const shown: [string, (told: Told) => string][] = [
    ["display name", ({ displayName }) => JSON.stringify(displayName)],
    ["format", ({ format }) => format],
    ["active", ({ active }) => String(active)],
    ["destination", ({ destination }) => destination],
    ["events", inWords],
  ];
  return shown.flatMap(([what, show]) => (show(before) === show(after) ? [] : [`${what} from ${show(before)} to ${show(after)}`]));
}
