import { ExportQuery, ListQuery } from "../../auditlogs/schema.ts";
import { readForm, readQuery } from "../attempt.ts";
import { placePath } from "../paths.ts";

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

/** The filters that are set. Bounds may also come from the date fields of the form, `from` and `until`: a day or minute in UTC. */
export function filtersOf(query: URLSearchParams): Filters {
  const found: Filters = {};
  for (const name of filters) {
    const value = query.get(name)?.trim();
    if (value) found[name] = value;
  }
  const from = secondsOf(query.get("from"));
  const until = secondsOf(query.get("until"));
  return { ...found, ...(from !== undefined && { startTime: from }), ...(until !== undefined && { endTime: until }) };
}

/** An invalid date is passed on, and refused as the API refuses it. */
function secondsOf(text: string | null): string | undefined {
  if (!text?.trim()) return undefined;
  const at = Date.parse(`${text.trim()}${/T/.test(text) ? "Z" : ""}`);
  return Number.isNaN(at) ? text : String(Math.floor(at / 1000));
}

/** Formats a time for a field of the kind `datetime-local`. */
export const minuteOf = (seconds: string | undefined): string => {
  const at = Number(seconds ?? Number.NaN) * 1000;
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString().slice(0, 16) : "";
};

/** Rows of a page: fewer with filters, because every row repeats the filters in its links. No page is over 100 KB. */
export const listQuery = (query: URLSearchParams) => {
  const set = filtersOf(query);
  const maxResults = Object.keys(set).length === 0 ? "100" : "50";
  return readForm(ListQuery, { ...set, continuationToken: query.get("continuationToken") || undefined, maxResults });
};

/** Filters that the links of a row keep. Very long filters would fill the page, so the links drop them. */
export const toKeep = (set: Filters): Filters => (searchOf(set).length > 150 ? {} : set);

const searchOf = (set: Filters) => String(new URLSearchParams(set as Record<string, string>));

export const exportQuery = (query: URLSearchParams) =>
  readQuery(ExportQuery, { ...filtersOf(query), format: query.get("format") ?? undefined });

/** The address of the list with these filters. */
export function auditPath(orgName: string, set: Filters = {}): string {
  const search = searchOf(set);
  return placePath(orgName, "audit") + (search && `?${search}`);
}
