import type { ResponseAuditLogs } from "../../auditlogs/openapi.ts";
import { countByDay } from "../../auditlogs/days.ts";
import { listFaults } from "../../auditlogs/faults.ts";
import { listAuditEvents } from "../../auditlogs/list.ts";
import { versionTwo } from "../../auditlogs/schema.ts";
import { type NamedUpdate, updatesNamed } from "../../auditlogs/updateNames.ts";
import { faults } from "../../auditlogs/verify.ts";
import { displayNameOf } from "../../audit/events.ts";
import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { attempt } from "../attempt.ts";
import { Days } from "../charts.tsx";
import { Badge, Empty, More, Notice, Time } from "../components.tsx";
import { type PageInput, definePage } from "../page.tsx";
import { placePath, stackPath, updatePath } from "../paths.ts";
import { instantOf, wallAt } from "../zone.ts";
import { ExportLinks } from "./export.tsx";
import { ActiveFilters, FilterForm } from "./filters.tsx";
import { type Group, grouped } from "./group.ts";
import { auditPath, filtersOf, listQuery } from "./query.ts";
import { Questions } from "./questions.tsx";
import { isMachine, tokenLabel } from "./tokenLabel.ts";

type AuditEvent = ResponseAuditLogs["auditLogEvents"][number];

/** Maximum number of bytes in a row for the description; the record's page shows all of it. */
const DESCRIPTION = 112;
/** Maximum number of faults of the log that the page names. */
const SHOWN_FAULTS = 5;

/** Days of the chart. */
const CHART_DAYS = 14;
const DAY = 86_400_000;

/** With one of these filters, a reader looks for single events, so no events are folded. */
const single = ["eventFilter", "textFilter", "sourceIPFilter", "refusalsOnly"] as const;

export const auditListPage = definePage("GET", "/:orgName/~/audit", "audit_logs:read", async (ctx) => {
  const { org, page, now } = ctx;
  const { zone } = page.display;
  const set = filtersOf(page.query, zone);
  const asked = listQuery(set, page.query);
  // The typed text has a meaning only in the reader's zone, so the address contains the times themselves. Then the reader can pass the
  // address on.
  if (!("problem" in asked) && (page.query.get("from") || page.query.get("until"))) return { to: auditPath(org.name, set) };
  const isFirst = Object.keys(set).length === 0 && !page.query.has("continuationToken");
  const [found, read, days] = await Promise.all([
    listFaults(ctx),
    "problem" in asked ? asked : attempt(() => listAuditEvents(ctx, versionTwo(org.name, asked.value)), [400, 404]),
    isFirst ? eventsByDay(ctx) : undefined,
  ]);
  const { auditLogEvents, continuationToken } = "problem" in read ? { auditLogEvents: [], continuationToken: undefined } : read.value;
  const rows = single.some((name) => set[name]) ? auditLogEvents : grouped(auditLogEvents);
  const updates = await updatesNamed(
    ctx,
    rows.flatMap((row) => ("events" in row ? row.updates : [])),
  );
  return {
    title: "Audit log",
    at: "audit",
    status: "problem" in read ? 400 : 200,
    body: (
      <section>
        <div class="heading">
          <h1>Audit log</h1>
          <span class="actions">
            <a class="button quiet" href={placePath(org.name, "audit", "verify")}>
              Verify the chain
            </a>
            {page.may("audit_streams:read") && (
              <a class="button quiet" href={placePath(org.name, "streams")}>
                Streams
              </a>
            )}
          </span>
        </div>
        {found.length > 0 && <Faults orgName={org.name} found={found} />}
        <Questions orgName={org.name} set={set} now={now} zone={zone} />
        <FilterForm set={set} errors={"problem" in asked ? asked.problem.fields : {}} zone={zone} />
        <ActiveFilters orgName={org.name} set={set} zone={zone} />
        {days}
        {"problem" in read ? (
          <Notice kind="error">{read.problem.message}</Notice>
        ) : auditLogEvents.length === 0 ? (
          <Empty>
            <p>
              {Object.keys(set).length > 0
                ? "No events match these filters. Remove a filter, or widen the time."
                : "No events yet. Actions and refusals appear here within moments."}
            </p>
          </Empty>
        ) : (
          <section aria-label="Audit events, newest first">
            <div class="event head" aria-hidden="true">
              <span>When</span>
              <span>Event</span>
              <span>By</span>
              <span>What</span>
            </div>
            <ol class="events">
              {rows.map((row) =>
                "events" in row ? <Fold group={row} updates={updates} orgName={org.name} /> : <Row event={row} orgName={org.name} />,
              )}
            </ol>
          </section>
        )}
        <More url={page.url} continuationToken={continuationToken} />
        {page.may("audit_logs:export") && <ExportLinks orgName={org.name} set={set} />}
      </section>
    ),
  };
});

/** The findings of the daily check. The pages of the records and the verification show more. */
const Faults = ({ orgName, found }: { orgName: string; found: Awaited<ReturnType<typeof listFaults>> }) => (
  <>
    <Notice kind="error">
      The daily check found {found.length === 1 ? "a fault" : `${found.length} faults`} in this log, since{" "}
      <Time at={Math.min(...found.map(({ foundAt }) => foundAt))} />. Nobody can change a record through this service, so ask its operator.{" "}
      <a href={placePath(orgName, "audit", "verify")}>Verify the chain now</a>
    </Notice>
    <ul>
      {found.slice(0, SHOWN_FAULTS).map(({ sequence, fault }) => (
        <li>
          <a href={placePath(orgName, "audit", String(sequence))}>Record {sequence}</a>: {faults[fault]}.
        </li>
      ))}
      {found.length > SHOWN_FAULTS && <li>There are {found.length - SHOWN_FAULTS} more.</li>}
    </ul>
  </>
);

/** One event. Its only link leads to its record, whose page links to other events of the same person, token or stack. */
const Row = ({ event, orgName, isFolded = false }: { event: AuditEvent; orgName: string; isFolded?: boolean }) => {
  const by = event.user.githubLogin;
  const description = cut(event.description, DESCRIPTION);
  const time = <Time at={event.timestamp * 1000} exact seconds />;
  return (
    <li class={event.authFailure ? "event refused" : "event"}>
      <span>{event.sequence === undefined ? time : <a href={placePath(orgName, "audit", String(event.sequence))}>{time}</a>}</span>
      <span>
        {displayNameOf(event.event)} {event.authFailure && <Badge kind="bad">refused</Badge>}
      </span>
      <span>
        {by && !isMachine(by, event.tokenName, orgName) && <span class="line">{by}</span>}
        {event.tokenID && <span class="line">{tokenLabel(event.tokenName, event.tokenID)}</span>}
        {event.sourceIP && <span class="hint line">{event.sourceIP}</span>}
      </span>
      <span>
        {description}
        {event.stack && !isFolded && !description.includes(event.stack) && <span class="hint line">{event.stack}</span>}
      </span>
    </li>
  );
};

/** The events of an update, which open below one line. */
const Fold = ({ group, updates, orgName }: { group: Group<AuditEvent>; updates: Map<string, NamedUpdate>; orgName: string }) => {
  const newest = group.events[0]!;
  const stack = newest.stack ?? "";
  const by = newest.user.githubLogin;
  const known = group.updates.flatMap((id) => updates.get(id) ?? []).toReversed();
  const last = known.findLast(({ dryRun, version }) => !dryRun && version !== null);
  const [project = "", name = ""] = stack.split("/", 2);
  return (
    <li>
      <details>
        <summary class="event">
          <span>
            <Time at={newest.timestamp * 1000} exact seconds />
          </span>
          <span>
            {labelOf(known)} of {stack}: {group.events.length} events{" "}
            {known.some(({ status }) => status === "failed") && <Badge kind="bad">failed</Badge>}
          </span>
          <span>{isMachine(by, newest.tokenName, orgName) ? newest.tokenName : by}</span>
        </summary>
        {last && (
          <p>
            <a href={updatePath(stackPath(orgName, project, name), last.version!)}>Open {labelOf([last]).toLowerCase()}</a>
          </p>
        )}
        <ol class="events">
          {group.events.map((event) => (
            <Row event={event} orgName={orgName} isFolded />
          ))}
        </ol>
      </details>
    </li>
  );
};

/** `Preview and update 3`. @param updates oldest first */
function labelOf(updates: NamedUpdate[]): string {
  const names = new Set(updates.map(({ kind, dryRun, version }) => (dryRun || version === null ? "preview" : `${kind} ${version}`)));
  const text = names.size > 3 ? `${names.size} updates` : [...names].join(" and ") || "update";
  return text[0]!.toUpperCase() + text.slice(1);
}

async function eventsByDay(ctx: OrgContext & { page: PageInput }) {
  const { now } = ctx;
  const { zone } = ctx.page.display;
  const today = Date.parse(wallAt(now, zone).day);
  const dayOf = (ago: number) => new Date(today - ago * DAY).toISOString().slice(0, 10);
  const names = Array.from({ length: CHART_DAYS }, (_, i) => dayOf(CHART_DAYS - 1 - i));
  const { days, isCut } = await countByDay(
    ctx,
    names.map((day) => instantOf(day, zone) ?? 0),
  );
  const events = days.reduce((sum, one) => sum + one.events, 0);
  const refusals = days.reduce((sum, one) => sum + one.refusals, 0);
  const text = `${events} event${events === 1 ? "" : "s"}, ${isCut ? "more than " : ""}${refusals} refused`;
  return (
    <details class="wide-open">
      <summary>Events by day</summary>
      <Days
        counts={names.map((day, i) => ({ day, count: days[i]!.events, bad: days[i]!.refusals }))}
        now={today}
        days={CHART_DAYS}
        label={`Events by day: ${text}`}
        bad="refused"
      >
        {text} in {CHART_DAYS} days, at most {Math.max(...days.map((one) => one.events))} a day
      </Days>
    </details>
  );
}
