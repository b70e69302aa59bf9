import { displayNameOf, recordedEvents } from "../../audit/events.ts";
import { Choice, Field } from "../components.tsx";
import { type Filter, type Filters, auditPath, labels, minuteOf } from "./query.ts";

const events = recordedEvents.map((event) => [event, displayNameOf(event)] as const).sort(([, a], [, b]) => (a < b ? -1 : 1));

/** The form of the filters. Filters that were set by a link stay set. */
export const FilterForm = ({ set, errors }: { set: Filters; errors: Record<string, string> }) => (
  <form class="filters" method="get">
    <Field name="textFilter" label="Words" type="search" value={set.textFilter} error={errors["textFilter"]} placeholder="stack prod*" />
    <Choice name="eventFilter" label="Event" value={set.eventFilter ?? ""} options={[["", "All"], ...events]} />
    <Field name="sourceIPFilter" label="Address" value={set.sourceIPFilter} error={errors["sourceIPFilter"]} />
    <Field name="from" label="From (UTC)" type="datetime-local" value={minuteOf(set.startTime)} error={errors["startTime"]} />
    <Field name="until" label="Until (UTC)" type="datetime-local" value={minuteOf(set.endTime)} error={errors["endTime"]} />
    {(["userFilter", "tokenFilter", "stackFilter"] as const).map(
      (name) => set[name] && <input type="hidden" name={name} value={set[name]} />,
    )}
    <label class="plain">
      <input type="checkbox" name="refusalsOnly" value="true" checked={set.refusalsOnly === "true"} /> Refusals only
    </label>
    <button class="quiet">Filter</button>
  </form>
);

/** The filters that are set, each with a link that removes it. */
export const ActiveFilters = ({ orgName, set }: { orgName: string; set: Filters }) => {
  const names = Object.keys(set) as Filter[];
  if (names.length === 0) return null;
  return (
    <ul class="chips" aria-label="Active filters">
      {names.map((name) => {
        const { [name]: _, ...rest } = set;
        const text = name === "refusalsOnly" ? labels[name] : `${labels[name]}: ${shown(name, set[name] ?? "")}`;
        return (
          <li>
            {text}{" "}
            <a href={auditPath(orgName, rest)} aria-label={`Remove the filter ${text}`}>
              ×
            </a>
          </li>
        );
      })}
    </ul>
  );
};

function shown(name: Filter, value: string): string {
  if (name === "eventFilter") return displayNameOf(value);
  if (name === "startTime" || name === "endTime") return `${minuteOf(value).replace("T", " ")} UTC`;
  return value;
}
