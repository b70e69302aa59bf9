import type { ResponseAuditLogs } from "../../auditlogs/openapi.ts";
import { listFaults } from "../../auditlogs/faults.ts";
import { listAuditEvents } from "../../auditlogs/list.ts";
import { versionTwo } from "../../auditlogs/schema.ts";
import { faults } from "../../auditlogs/verify.ts";
import { cut } from "../../http/pageText.ts";
import { attempt } from "../attempt.ts";
import { Badge, Empty, More, Notice, Table, Time } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { displayNameOf } from "../../audit/events.ts";
import { isMachine, tokenLabel } from "./tokenLabel.ts";
import { ExportLinks } from "./export.tsx";
import { ActiveFilters, FilterForm } from "./filters.tsx";
import { type Filters, auditPath, filtersOf, listQuery, toKeep } from "./query.ts";

type AuditEvent = ResponseAuditLogs["auditLogEvents"][number];

/** Maximum number of bytes in a row for the description; the record's page shows all of it. */
const DESCRIPTION = 112;
/** Maximum number of faults of the log that the page names. */
const SHOWN_FAULTS = 5;

export const auditListPage = definePage("GET", "/:orgName/~/audit", "audit_logs:read", async (ctx) => {
  const { org, page } = ctx;
  const set = filtersOf(page.query);
  const asked = listQuery(page.query);
  const found = await listFaults(ctx);
  const read = "problem" in asked ? asked : await attempt(() => listAuditEvents(ctx, versionTwo(org.name, asked.value)), [400, 404]);
  const { auditLogEvents, continuationToken } = "problem" in read ? { auditLogEvents: [], continuationToken: undefined } : read.value;
  return {
    title: "Audit log",
    at: "audit",
    status: "problem" in read ? 400 : 200,
    body: (
      <section>
        <div class="heading">
          <h1>Audit log</h1>
          <a class="button quiet" href={placePath(org.name, "audit", "verify")}>
            Verify the chain
          </a>
          {page.may("audit_streams:read") && (
            <a class="button quiet" href={placePath(org.name, "streams")}>
              Streams
            </a>
          )}
        </div>
        {found.length > 0 && <Faults orgName={org.name} found={found} />}
        <FilterForm set={set} errors={"problem" in asked ? asked.problem.fields : {}} />
        <ActiveFilters orgName={org.name} set={set} />
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
          <Table caption="Audit events, newest first" head={["When", "Event", "By", "What", "Address"]}>
            {auditLogEvents.map((event) => (
              <Row event={event} orgName={org.name} set={toKeep(set)} />
            ))}
          </Table>
        )}
        <More url={page.url} continuationToken={continuationToken} />
        {page.may("audit_logs:export") && <ExportLinks orgName={org.name} set={set} />}
      </section>
    ),
  };
});

/** What the daily check found. The pages of the records and the verification show more. */
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

const Row = ({ event, orgName, set }: { event: AuditEvent; orgName: string; set: Filters }) => {
  const by = event.user.githubLogin;
  return (
    <tr class={event.authFailure ? "refused" : undefined}>
      <td>
        {event.sequence === undefined ? (
          <Time at={event.timestamp * 1000} exact />
        ) : (
          <a href={placePath(orgName, "audit", String(event.sequence))}>
            <Time at={event.timestamp * 1000} exact />
          </a>
        )}
      </td>
      <td>
        <a href={auditPath(orgName, { ...set, eventFilter: event.event })}>{displayNameOf(event.event)}</a>
        {event.authFailure && (
          <>
            {" "}
            <Badge kind="bad">refused</Badge>
          </>
        )}
      </td>
      <td>
        {by && !isMachine(by, event.tokenName, orgName) && (
          <div>
            <a href={auditPath(orgName, { ...set, userFilter: by })}>{by}</a>
          </div>
        )}
        {event.tokenID && (
          <a href={auditPath(orgName, { ...set, tokenFilter: event.tokenID })}>{tokenLabel(event.tokenName, event.tokenID)}</a>
        )}
      </td>
      <td>
        {cut(event.description, DESCRIPTION)}
        {event.stack && (
          <div>
            <a href={auditPath(orgName, { ...set, stackFilter: event.stack })}>{event.stack}</a>
          </div>
        )}
      </td>
      <td>{event.sourceIP && <a href={auditPath(orgName, { ...set, sourceIPFilter: event.sourceIP })}>{event.sourceIP}</a>}</td>
    </tr>
  );
};
