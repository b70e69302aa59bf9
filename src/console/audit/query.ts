import { ExportQuery, ListQuery } from "../../auditlogs/schema.ts";
import { readForm, readQuery } from "../attempt.ts";
import { placePath } from "../paths.ts";
import { LAST, instantOf, wallAt } from "../zone.ts";

/** Names of the API's filters: the page accepts the same parameters, so a link can be written by hand. */
const filters = [
  "eventFilter",
  "userFilter",
  "tokenFilter",
  "stackFilter",
  "sourceIPFilter",
  "textFilter",
  "refusalsOnly",
  "startTime",
  "endTime",
] as const;
export type Filter = (typeof filters)[number];
export type Filters = Partial<Record<Filter, string>>;

export const labels: Record<Filter, string> = {
  eventFilter: "Event",
  userFilter: "Person",
  tokenFilter: "Token",
  stackFilter: "Stack",
  sourceIPFilter: "Address",
  textFilter: "Words",
  refusalsOnly: "Refusals only",
  startTime: "From",
  endTime: "Until",
};

/** The filters that are set. Bounds may also come from the fields of the form, `from` and `until`: a day or a time in the reader's zone. */
export function filtersOf(query: URLSearchParams, zone: string): Filters {
  const found: Filters = {};
  for (const name of filters) {
    const value = query.get(name)?.trim();
    if (value) found[name] = value;
  }
  const from = secondsOf(query.get("from"), zone);
  const until = secondsOf(query.get("until"), zone);
  return { ...found, ...(from !== undefined && { startTime: from }), ...(until !== undefined && { endTime: until }) };
}

/** An invalid date is passed on, and refused as the API refuses it. */
function secondsOf(text: string | null, zone: string): string | undefined {
  if (!text?.trim()) return undefined;
  const at = instantOf(text.trim(), zone);
  return at === undefined ? text : String(Math.floor(at / 1000));
}

/** Formats a time for a field of the kind `datetime-local`, and for the list of filters. */
export function wallOf(seconds: string | undefined, zone: string): string {
  const at = Number(seconds ?? Number.NaN) * 1000;
  if (!(Math.abs(at) <= LAST)) return "";
  const { day, time } = wallAt(at, zone);
  return `${day}T${time}`;
}

const PAGE_SIZE = "100";

export const listQuery = (set: Filters, query: URLSearchParams) =>
  readForm(ListQuery, { ...set, continuationToken: query.get("continuationToken") || undefined, maxResults: PAGE_SIZE });

const searchOf = (set: Filters) => String(new URLSearchParams(set as Record<string, string>));

export const exportQuery = (query: URLSearchParams, zone: string) =>
  readQuery(ExportQuery, { ...filtersOf(query, zone), format: query.get("format") ?? undefined });

/** The address of the list with these filters. */
export function auditPath(orgName: string, set: Filters = {}): string {
  const search = searchOf(set);
  return placePath(orgName, "audit") + (search && `?${search}`);
}
