import { getAuditRecord } from "../../auditlogs/get.ts";
import { readChain } from "../../auditlogs/read.ts";
import { faults } from "../../auditlogs/verify.ts";
import { cut } from "../../http/pageText.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { attempt } from "../attempt.ts";
import { Badge, Copyable, Notice, Time } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath, stackPath } from "../paths.ts";
import { canonical } from "../../audit/chain.ts";
import { displayNameOf } from "../../audit/events.ts";
import { isMachine, tokenLabel } from "./tokenLabel.ts";
import { type Filters, auditPath } from "./query.ts";

/** Maximum number of bytes on the page for the description, and for the hashed record; the export contains all of it. */
const DESCRIPTION = 2000;
const RECORD = 80_000;

/** One record. Its address is its sequence number, which never changes. */
export const detailPage = definePage("GET", "/:orgName/~/audit/:sequence{[0-9]+}", "audit_logs:read", async (ctx) => {
  const sequence = Number(ctx.page.params["sequence"]);
  const { record, fault } = await getAuditRecord(ctx, sequence);
  const [next] = await readChain(ctx, sequence + 1, 1);
  const text = canonical(record);
  const shown = cut(text, RECORD);
  const said = (member: string) => String(record[member] ?? "");
  const orgName = ctx.org.name;
  const byMachine = isMachine(said("userLogin"), said("tokenName"), orgName);
  const hasPage = byMachine && ctx.page.may("org_token:read") && "value" in (await attempt(() => getOrgToken(ctx, said("tokenId")), [404]));
  const [project = "", stack = ""] = said("stack").split("/", 2);
  const filtered = (name: keyof Filters, value: string, text = value) => <a href={auditPath(orgName, { [name]: value })}>{text}</a>;
  return {
    title: `Record ${sequence}`,
    at: "audit",
    body: (
      <section>
        <h1>
          {displayNameOf(said("event"))} {record["authFailure"] === true && <Badge kind="bad">refused</Badge>}
        </h1>
        <p>{cut(said("description"), DESCRIPTION)}</p>
        <dl>
          <dt>When</dt>
          <dd>
            <Time at={Number(record["at"])} exact seconds />
          </dd>
          <dt>Event</dt>
          <dd>{filtered("eventFilter", said("event"))}</dd>
          {said("tokenId") && (
            <>
              <dt>Token</dt>
              <dd>
                {hasPage ? (
                  <>
                    <a href={placePath(orgName, "tokens", said("tokenId"))}>{said("tokenName")}</a> (
                    {filtered("tokenFilter", said("tokenId"), "its events")})
                  </>
                ) : (
                  filtered("tokenFilter", said("tokenId"), tokenLabel(said("tokenName"), said("tokenId")))
                )}{" "}
                <span class="hint mono">{said("tokenId")}</span>
              </dd>
            </>
          )}
          {said("openedWith") && (
            <>
              <dt>Opened with</dt>
              <dd>
                {filtered("tokenFilter", said("openedWith"), tokenLabel("", said("openedWith")))}{" "}
                <span class="hint mono">{said("openedWith")}</span>
              </dd>
            </>
          )}
          <dt>By</dt>
          <dd>{byMachine ? "a token of the organization" : said("userLogin") && filtered("userFilter", said("userLogin"))}</dd>
          {stack && (
            <>
              <dt>Stack</dt>
              <dd>
                <a href={stackPath(orgName, project, stack)}>{said("stack")}</a> ({filtered("stackFilter", said("stack"), "its events")})
              </dd>
            </>
          )}
          {said("sourceIp") && (
            <>
              <dt>Address</dt>
              <dd>{filtered("sourceIPFilter", said("sourceIp"))}</dd>
            </>
          )}
        </dl>
        <h2>Position in the chain</h2>
        {fault ? (
          <Notice kind="error">Not verified: {faults[fault]}.</Notice>
        ) : (
          <Notice kind="good">Verified: its hash matches, and it links to the previous record.</Notice>
        )}
        <dl>
          <dt>Sequence number</dt>
          <dd>{sequence}</dd>
          <dt>Id</dt>
          <dd class="mono">{said("id")}</dd>
          <dt>Hash</dt>
          <dd class="mono">{record.hash}</dd>
          <dt>Previous hash</dt>
          <dd class="mono">{record.prevHash}</dd>
        </dl>
        <Copyable label={shown === text ? "The record" : "The start of the record; the export contains all of it"} text={shown} />
        <nav class="pages" aria-label="Neighbours">
          {sequence > 1 && <a href={placePath(orgName, "audit", String(sequence - 1))}>Previous record</a>}
          {next?.seq === sequence + 1 && <a href={placePath(orgName, "audit", String(sequence + 1))}>Next record</a>}
          <a href={auditPath(orgName)}>All events</a>
        </nav>
      </section>
    ),
  };
});
