import { displayNameOf, recordedEvents } from "../../audit/events.ts";
import { Choice, Field } from "../components.tsx";
import { type Filter, type Filters, auditPath, labels, wallOf } from "./query.ts";

const events = recordedEvents.map((event) => [event, displayNameOf(event)] as const).sort(([, a], [, b]) => (a < b ? -1 : 1));

interface Props {
  set: Filters;
  errors: Record<string, string>;
  zone: string;
}

/** The form of the filters, in a fold that is open on wide screens. */
export const FilterForm = ({ set, errors, zone }: Props) => {
  const count = Object.keys(set).length;
  const at = (name: "from" | "until", label: string, value: string | undefined, error: string | undefined) => (
    <Field name={name} label={`${label} (${zone})`} type="datetime-local" step="1" value={wallOf(value, zone)} error={error} />
  );
  return (
    <details class="wide-open" open={Object.keys(errors).length > 0}>
      <summary>{count === 0 ? "Filters" : `Filters (${count})`}</summary>
      <form class="filters" method="get">
        <Field
          name="textFilter"
          label="Words"
          type="search"
          value={set.textFilter}
          error={errors["textFilter"]}
          placeholder="stack prod*"
        />
        <Choice name="eventFilter" label="Event" value={set.eventFilter ?? ""} options={[["", "All"], ...events]} />
        <Field name="tokenFilter" label="Token" value={set.tokenFilter} error={errors["tokenFilter"]} placeholder="Name or id" />
        <Field name="userFilter" label="Person" value={set.userFilter} error={errors["userFilter"]} placeholder="Login" />
        <Field name="stackFilter" label="Stack" value={set.stackFilter} error={errors["stackFilter"]} placeholder="project/stack" />
        <Field name="sourceIPFilter" label="Address" value={set.sourceIPFilter} error={errors["sourceIPFilter"]} />
        {at("from", "From", set.startTime, errors["startTime"])}
        {at("until", "Until", set.endTime, errors["endTime"])}
        <label class="plain">
          <input type="checkbox" name="refusalsOnly" value="true" checked={set.refusalsOnly === "true"} /> Refusals only
        </label>
        <button class="quiet">Filter</button>
      </form>
    </details>
  );
};

/** The filters that are set, each with a link that removes it. */
export const ActiveFilters = ({ orgName, set, zone }: { orgName: string; set: Filters; zone: string }) => {
  const names = Object.keys(set) as Filter[];
  if (names.length === 0) return null;
  return (
    <ul class="chips" aria-label="Active filters">
      {names.map((name) => {
        const { [name]: _, ...rest } = set;
        const text = name === "refusalsOnly" ? labels[name] : `${labels[name]}: ${shown(name, set[name] ?? "", zone)}`;
        return (
          <li>
            {text}{" "}
            <a href={auditPath(orgName, rest)} aria-label={`Remove the filter ${text}`}>
              ×
            </a>
          </li>
        );
      })}
      {names.length > 1 && (
        <li>
          <a href={auditPath(orgName)}>Remove all</a>
        </li>
      )}
    </ul>
  );
};

function shown(name: Filter, value: string, zone: string): string {
  if (name === "eventFilter") return displayNameOf(value);
  if (name === "startTime" || name === "endTime") return `${wallOf(value, zone).replace("T", " ")} ${zone}`;
  return value;
}
