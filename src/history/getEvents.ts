import * as z from "zod/mini";
import type { OrgContext } from "../context.ts";
import { AppError, badRequest } from "../errors.ts";
import { cursor, list, text } from "../http/bounded.ts";
import { fromCursor, toCursor } from "../http/pagination.ts";
import type { StackPath } from "../stacks/path.ts";
import { callCoordinator, coordinatorOf } from "../coordinator/client.ts";
import { eventKinds } from "../engineEvents/engineEvents.ts";
import { readEventLog } from "../engineEvents/eventLog.ts";
import { ALL_KINDS, type EventQuery, type EventsAnswer } from "../engineEvents/eventPage.ts";
import { getUpdateStatus } from "./history.ts";

const flag = z.optional(z.enum(["true", "false"]));

export const EngineEventsQuery = z.object({
  continuationToken: cursor,
  /** Codes or names of payloads; may be repeated. */
  type: z.optional(z.union([text(100), list(text(100), 100)])),
  urn: z.optional(text(10_000)),
  /** Also returns events although earlier ones have not arrived yet. */
  include_non_activated: flag,
});

/** Delay of an answer without new events while the update runs, in milliseconds: the CLI polls without a pause. */
const PATIENCE = 1000;

/**
 * Returns a page of an update's engine events, ascending (cli-protocol §4.12). While the update runs, each page has a cursor, even an
 * empty one. A page without a cursor is the last one of an ended update.
 */
export async function getEngineEvents(ctx: OrgContext, path: StackPath, updateId: string, query: z.infer<typeof EngineEventsQuery>) {
  const wanted: EventQuery = { after: afterOf(query.continuationToken), kinds: kindsOf(query.type), urn: query.urn || undefined };
  await getUpdateStatus(ctx, path, updateId);
  const read = () => readEvents(ctx, path, updateId, wanted, query.include_non_activated === "true");
  let page = await read();
  if (page.running && page.events.length === 0 && query.continuationToken) {
    await scheduler.wait(PATIENCE);
    page = await read();
  }
  const continuationToken = page.more || page.running ? JSON.stringify(toCursor([page.last])) : "null";
  const headers = { "Content-Type": "application/json" };
  return new Response(`{"events":[${page.events.join(",")}],"continuationToken":${continuationToken}}`, { headers });
}

/**
 * Reads events of an update, which the caller has checked to belong to this stack: from the stack's object while it has the run, then from
 * R2.
 * @param gaps also return events although earlier ones have not arrived yet
 */
export async function readEvents(
  ctx: OrgContext,
  path: StackPath,
  updateId: string,
  query: EventQuery,
  gaps: boolean,
): Promise<EventsAnswer> {
  const live = await callCoordinator(ctx, coordinatorOf(ctx, path), (stub) => stub.readEvents(updateId, query, gaps));
  if (live) return live;
  const { events, last, more } = await readEventLog(ctx.env.STATE, updateId, query);
  return { events, last, more, running: false };
}

function afterOf(token: string | undefined): number {
  try {
    return fromCursor(token, z.tuple([z.int().check(z.minimum(-1))]))?.[0] ?? -1;
  } catch {
    throw new AppError(400, "Invalid continuation token.");
  }
}

function kindsOf(types: string | string[] | undefined): number {
  if (types === undefined) return ALL_KINDS;
  const names: readonly string[] = eventKinds;
  return [types].flat().reduce((kinds, type) => {
    const kind = /^\d+$/.test(type) ? Number(type) : names.indexOf(type) + 1;
    if (kind < 1 || kind > names.length) throw badRequest(`'${type.slice(0, 40)}' is not a type of engine events`);
    return kinds | (1 << kind);
  }, 0);
}
