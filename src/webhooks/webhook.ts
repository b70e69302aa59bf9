import { type SQL, and, eq, getTableColumns, sql } from "drizzle-orm";
import type { OrgPermission } from "../access/permissions.ts";
import { guarded } from "../auth/guard.ts";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import { notFound } from "../errors.ts";
import { openValue, sealValue } from "../secrets/sealed.ts";
import { type StackPath, auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { Webhook } from "./openapi.ts";
import { webhooks } from "./table.ts";

/** Maximum number of webhooks of an organization itself, and of one stack. One answer lists them all. */
export const mostWebhooks = (place: Place): number => (place ? 20 : 50);

/** The stack of a webhook; undefined for a webhook of the organization. */
export type Place = StackPath | undefined;

export type WebhookRow = typeof webhooks.$inferSelect;

/** The parts of a webhook that are encrypted. */
export interface Sealed {
  url: string;
  /** "" without one. */
  secret: string;
}

const keyNameOf = (id: string) => `webhook ${id}`;
export const sealHook = (env: Bindings, id: string, value: Sealed) => sealValue(env, keyNameOf(id), value);
/** @returns undefined when the master key is no longer in the settings */
export const openHook = (env: Bindings, { id, sealed }: Pick<WebhookRow, "id" | "sealed">) => openValue<Sealed>(env, keyNameOf(id), sealed);

/** The right on webhooks of a place. */
export const rightOn = (place: Place, verb: "read" | "create" | "update" | "delete"): OrgPermission =>
  `${place ? "stack" : "organization"}_webhook:${verb}`;

const stackIdOf = (ctx: OrgContext, path: StackPath) => sql`(SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`;

/** SQL condition: the webhooks of a place. */
export const atPlace = (ctx: OrgContext, place: Place): SQL =>
  and(eq(webhooks.orgId, ctx.org.id), place ? sql`${webhooks.stackId} = ${stackIdOf(ctx, place)}` : eq(webhooks.stackId, ""))!;

/** SQL condition: the webhook of that name. Upper and lower case are different. */
export const thatHook = (ctx: OrgContext, place: Place, name: string): SQL => and(atPlace(ctx, place), eq(webhooks.name, name))!;

/** Statement that reads the id of the stack of a place, or nothing. */
const selectStack = (ctx: OrgContext, place: Place) =>
  ctx.store.db
    .select({ id: stacks.id })
    .from(stacks)
    .where(place ? stackAt(ctx.org.id, place) : sql`0`);

/** The id of the stack of a place; "" for the organization. @throws 404 */
export async function readStackId(ctx: OrgContext, place: Place): Promise<string> {
  const [found] = await guarded(ctx, [selectStack(ctx, place)]);
  if (place && !found[0]) throw stackNotFound(place);
  return found[0]?.id ?? "";
}

export const selectHooks = (ctx: OrgContext, which: SQL) =>
  ctx.store.db.select(getTableColumns(webhooks)).from(webhooks).where(which).orderBy(webhooks.createdAt, webhooks.id);

/** @throws 404 */
export async function readHook(ctx: OrgContext, place: Place, name: string): Promise<WebhookRow> {
  const [found, rows] = await guarded(ctx, [selectStack(ctx, place), selectHooks(ctx, thatHook(ctx, place, name))]);
  if (place && !found[0]) throw stackNotFound(place);
  if (!rows[0]) throw hookNotFound(name);
  return rows[0];
}

export const hookNotFound = (name: string) => notFound(`Webhook '${name.slice(0, 100)}'`);

export async function getWebhook(ctx: OrgContext, place: Place, name: string): Promise<Webhook> {
  const isFull = has(ctx, rightOn(place, "update"), place);
  return toWebhook(ctx, place, await readHook(ctx, place, name), isFull);
}

export async function listWebhooks(ctx: OrgContext, place: Place): Promise<Webhook[]> {
  const isFull = has(ctx, rightOn(place, "update"), place);
  const [found, rows] = await guarded(ctx, [selectStack(ctx, place), selectHooks(ctx, atPlace(ctx, place))]);
  if (place && !found[0]) throw stackNotFound(place);
  return Promise.all(rows.map((row) => toWebhook(ctx, place, row, isFull)));
}

/** A webhook as an answer has it. @param isFull whether the caller may see the whole address, which may be a credential */
export async function toWebhook(ctx: OrgContext, place: Place, row: WebhookRow, isFull: boolean): Promise<Webhook> {
  const opened = isFull ? await openHook(ctx.env, row) : undefined;
  return {
    organizationName: ctx.org.name,
    ...(place && { projectName: place.projectName, stackName: place.stackName }),
    name: row.name,
    displayName: row.displayName,
    payloadUrl: opened?.url ?? `https://${row.destination}/…`,
    active: row.active,
    format: row.format,
    filters: row.filters,
    groups: row.groups,
    digest: row.digest,
    hasSecret: row.secretTag !== "",
    secretCiphertext: row.secretTag,
    ...(row.disabledFor && { disabled: row.disabledFor }),
    ...(row.failingSince !== null && { failing: { since: new Date(row.failingSince).toISOString(), error: row.error } }),
  };
}

/** A webhook in a sentence of the audit log. Nothing of it can be a credential. */
export const called = (place: Place, { name, destination }: { name: string; destination: string }) =>
  `the webhook ${name} to ${destination} of ${place ? `stack "${pathText(place)}"` : "the organization"}`;

/** The member `stack` of an audit event about a webhook. */
export const stackOfEvent = (place: Place) => (place ? { stack: auditName(place) } : {});
