import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import { nobody } from "../audit/behalf.ts";
import { type AuditEvent, auditEvent, auditIf } from "../audit/record.ts";
import { auditEvents, auditOutbox } from "../audit/table.ts";
import { relayEvents } from "../audit/relay.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { organizations } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { updates } from "../updates/table.ts";
import { webhookCursors } from "./table.ts";

const DAY = 86_400_000;
/** How many days before its end a token is announced; 0: the end itself is announced. */
const ANNOUNCED = [14, 3, 0];
/** An event is recorded this late at most, after the cron was away. Milliseconds. */
const LATEST = 2 * DAY;
/** An update runs long after this time. Milliseconds. */
const LONG = 3_600_000;
/** Maximum number of events of one run. The next run continues. */
const PER_RUN = 100;

/**
 * Records what happens because time passes: the coming end of a token, its end, and an update that runs long. Only organizations with webhooks
 * get these events, because nobody else waits for them. Each is recorded once, because its id follows from what it is about.
 * @returns how many were recorded
 */
export async function remind(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const [tokens, long] = await batch(store, [selectTokens(store, now), selectUpdates(store, now)]);
  const events = [
    ...tokens.map(({ id, orgId, name, kind, days, at }) => {
      const what = days === 0 ? "expired" : `expires in ${days} days`;
      const event = days === 0 ? ("token-expired" as const) : ("token-expires-soon" as const);
      return {
        ...told(now, orgId, event, `The ${kind} token "${name}" (${id}) ${what}.`),
        id: idOf(days, id, at),
        tokenId: id,
        tokenName: name,
      };
    }),
    ...long.map(({ id, orgId, org, project, name, requestedBy }) => {
      const description = `An update of stack "${org}/${project}/${name}" (${id}) has run for more than an hour.`;
      const event = { ...told(now, orgId, "update-runs-long", description), id: `update-runs-long-${id}` };
      return { ...event, stack: `${project}/${name}`, userLogin: requestedBy, userName: requestedBy };
    }),
  ].slice(0, PER_RUN);
  const [first, ...rest] = events.map((event) => auditIf(store, event, isNew(event.id)));
  if (!first) return 0;
  await batch(store, [first, ...rest]);
  await relayEvents(
    env,
    events.map(({ id }) => id),
  );
  return events.length;
}

const told = (
  now: number,
  orgId: string,
  event: "token-expires-soon" | "token-expired" | "update-runs-long",
  description: string,
): AuditEvent => auditEvent({ now, address: "" }, orgId, nobody, { event, description });

const idOf = (days: number, tokenId: string, at: number) => `token-expires-${days}-${tokenId}-${at}`;

/** SQL condition: no event with that id is in the log or on its way. */
const isNew = (id: string) => sql`NOT EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.id} = ${id})
  AND NOT EXISTS (SELECT 1 FROM ${auditOutbox} WHERE ${auditOutbox.id} = ${id})`;

/** Tokens of organizations and teams that were valid for long enough to be announced. */
function selectTokens({ db }: Store, now: number) {
  const announced = sql`json_each(${JSON.stringify(ANNOUNCED)}) AS announced`;
  const at = sql`${accessTokens.expiresAt} - announced.value * ${DAY}`;
  const id = sql`'token-expires-' || announced.value || '-' || ${accessTokens.id} || '-' || ${accessTokens.expiresAt}`;
  return db
    .select({
      id: accessTokens.id,
      orgId: sql<string>`${webhookCursors.orgId}`.as("cursor_org_id"),
      name: accessTokens.name,
      kind: accessTokens.kind,
      days: sql<number>`announced.value`.as("days"),
      at: sql<number>`${accessTokens.expiresAt}`.as("at"),
    })
    .from(webhookCursors)
    .innerJoin(accessTokens, eq(accessTokens.orgId, webhookCursors.orgId))
    .innerJoin(announced, sql`1`)
    .where(
      and(
        isNull(accessTokens.deletedAt),
        isNull(accessTokens.disabledAt),
        isNull(accessTokens.issuerId),
        inArray(accessTokens.kind, ["organization", "team"]),
        sql`${at} <= ${now} AND ${at} > ${now - LATEST} AND ${at} > ${accessTokens.createdAt}`,
        sql`NOT EXISTS (SELECT 1 FROM audit_events WHERE audit_events.id = ${id})`,
      ),
    )
    .limit(PER_RUN);
}

function selectUpdates({ db }: Store, now: number) {
  return db
    .select({
      id: updates.id,
      orgId: sql<string>`${stacks.orgId}`.as("stack_org_id"),
      org: sql<string>`${organizations.name}`.as("org_name"),
      project: stacks.project,
      name: sql<string>`${stacks.name}`.as("stack_name"),
      requestedBy: updates.requestedBy,
    })
    .from(updates)
    .innerJoin(stacks, eq(stacks.id, updates.stackId))
    .innerJoin(organizations, eq(organizations.id, stacks.orgId))
    .innerJoin(webhookCursors, eq(webhookCursors.orgId, stacks.orgId))
    .where(
      and(
        isNull(updates.endedAt),
        eq(updates.status, "running"),
        sql`${updates.startedAt} <= ${now - LONG}`,
        sql`NOT EXISTS (SELECT 1 FROM audit_events WHERE audit_events.id = 'update-runs-long-' || ${updates.id})`,
      ),
    )
    .limit(PER_RUN);
}
