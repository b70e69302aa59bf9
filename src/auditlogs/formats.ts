import { type ChainRecord, canonical } from "../audit/chain.ts";
import { displayNameOf } from "../audit/events.ts";

/** The formats of an export. Pure: `host` is the host name of the request. */
export interface Format {
  header: string;
  line: (record: ChainRecord, host: string) => string;
}

const text = (record: ChainRecord, member: string) => String(record[member] ?? "");
const flag = (record: ChainRecord, member: string) => String(record[member] === true);

/**
 * A spreadsheet treats a cell that begins with these characters as a formula and may run it. An apostrophe in front makes the cell a text.
 */
const formula = /^[=+\-@\t\r＝＋－＠]/;

/**
 * Readers of CSV may use any separator, and some ignore quotes, so the text after each separator could become a cell.
 * The time is linear in the length of the value.
 */
function inert(value: string): string {
  const parts = value.replaceAll(/[,;|"\s]+/g, (run: string, at: number) => {
    const part = at === 0 ? 0 : run.search(/[,;|\t\r\n]/) + 1;
    if (at > 0 && part === 0) return run;
    const begins = formula.test(value.charAt(at + run.length)) ? "'" : "";
    return run.slice(0, part) + run.slice(part).replaceAll(/[\t\r]/g, "'$&") + begins;
  });
  return formula.test(parts) ? `'${parts}` : parts;
}

/** The documented columns, followed by columns of later samples and by our own (management-api §9.4). RFC 4180. */
const csv: Format = {
  header:
    "Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure,TokenID,TokenName,ActorName,ActorUrn,OpenedWith\r\n",
  line: (record) =>
    `${[
      new Date(Number(record["at"])).toISOString().replace(/\.\d+/, ""),
      text(record, "userName"),
      text(record, "userLogin"),
      displayNameOf(text(record, "event")),
      text(record, "description"),
      text(record, "sourceIp"),
      flag(record, "reqOrgAdmin"),
      flag(record, "reqStackAdmin"),
      flag(record, "authFailure"),
      text(record, "tokenId"),
      text(record, "tokenName"),
      "",
      "",
      text(record, "openedWith"),
    ]
      .map(inert)
      .map((value) => `"${value.replaceAll('"', '""')}"`)
      .join(",")}\r\n`,
};

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** Characters that some readers treat as the end of a line, and other control characters. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
const inHeader = (value: string) => value.replaceAll(/[\\|]/g, "\\$&").replaceAll(unprintable, " ");
const inExtension = (value: string) =>
  value.replaceAll(/[\\=]/g, "\\$&").replaceAll("\r", "\\r").replaceAll("\n", "\\n").replaceAll(unprintable, " ");

/** Severity of 10: 7 for a refusal, 5 for an event that requires an administrator, 3 for the others. */
const severity = (record: ChainRecord) => (record["authFailure"] ? 7 : record["reqOrgAdmin"] || record["reqStackAdmin"] ? 5 : 3);

/** management-api §9.5, with the token in our own keys. */
const cef: Format = {
  header: "",
  line: (record, host) => {
    const at = new Date(Number(record["at"]));
    const time = `${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2, "0")} ${at.toISOString().slice(11, 19)}`;
    const event = text(record, "event");
    const header = ["CEF:0", "Stackpass", "Stackpass", "1", event, displayNameOf(event), String(severity(record))].map(inHeader).join("|");
    const extension = Object.entries({
      rt: String(at.getTime()),
      dvchost: host,
      src: text(record, "sourceIp"),
      suser: text(record, "userLogin"),
      msg: text(record, "description"),
      externalId: text(record, "id"),
      orgID: text(record, "orgId"),
      userID: text(record, "userLogin"),
      requireOrgAdmin: flag(record, "reqOrgAdmin"),
      requireStackAdmin: flag(record, "reqStackAdmin"),
      authenticationFailure: flag(record, "authFailure"),
      tokenID: text(record, "tokenId"),
      tokenName: text(record, "tokenName"),
      stack: text(record, "stack"),
      openedWith: text(record, "openedWith"),
    });
    const pairs = extension.filter(([, value]) => value !== "").map(([key, value]) => `${key}=${inExtension(value)}`);
    return `${time} ${host} ${header}|${pairs.join(" ")}\n`;
  },
};

/** The records themselves, with their sequence numbers: the input of `npm run audit:verify`. */
const jsonl: Format = { header: "", line: (record) => `${canonical(record)}\n` };

/** Open Cybersecurity Schema Framework 1.3, class 6003 (API Activity), one event on each line. */
const ocsf: Format = {
  header: "",
  line: (record, host) => {
    const event = text(record, "event");
    const activity = activityOf(event);
    const [project, stack] = text(record, "stack").split("/");
    return `${JSON.stringify({
      category_uid: 6,
      class_uid: 6003,
      activity_id: activity,
      type_uid: 600300 + activity,
      time: Number(record["at"]),
      severity_id: record["authFailure"] ? 3 : 1,
      status_id: record["authFailure"] ? 2 : 1,
      message: text(record, "description"),
      metadata: {
        version: "1.3.0",
        uid: text(record, "id"),
        event_code: event,
        sequence: record.seq,
        product: { name: "Stackpass", vendor_name: "Stackpass" },
      },
      actor: {
        user: { uid: text(record, "userLogin"), name: text(record, "userName"), org: { uid: text(record, "orgId") } },
        ...(record["tokenId"] && { session: sessionOf(record), app_name: record["tokenName"] }),
      },
      api: { operation: event, service: { name: host } },
      src_endpoint: { ip: text(record, "sourceIp") },
      ...(stack && { resources: [{ type: "stack", name: `${project}/${stack}` }] }),
    })}\n`;
  },
};

/** A console session has its own id; its credential is the personal token that opened it. */
const sessionOf = ({ tokenId, openedWith }: ChainRecord) =>
  openedWith ? { uid: tokenId, credential_uid: openedWith } : { credential_uid: tokenId };

/** 1 create, 2 read, 3 update, 4 delete, 99 other. */
function activityOf(event: string): number {
  if (/-(created|added|imported|sent|registered|started)\b/.test(event)) return 1;
  if (/-(exported|decrypted)$/.test(event)) return 2;
  if (/-(updated|changed|renamed|completed|canceled|rotated|disabled|enabled|restored)$/.test(event)) return 3;
  return /-(deleted|removed)$/.test(event) ? 4 : 99;
}

export const formats = { csv, cef, jsonl, ocsf };
export type FormatName = keyof typeof formats;
