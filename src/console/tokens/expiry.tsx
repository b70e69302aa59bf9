import { lastExpiry } from "../../tokens/schema.ts";
import { Field } from "../components.tsx";

const DAY = 86_400_000;

const presets = [7, 30, 90, 180, 365] as const;

interface Props {
  now: number;
  /** What the organization allows at most; null for no limit. Days. */
  maxDays: number | null;
  /** The choice that changes nothing, and its label. */
  keep?: readonly [value: string, label: string];
  value: string;
  date: string;
  error?: string | undefined;
}

/** When a new token shall end: some days from now, a date, or never. The organization's policy leaves out what it does not allow. */
export const ExpiryFields = ({ now, maxDays, keep, value, date, error }: Props) => {
  const fitting = presets.filter((days) => maxDays === null || days < maxDays);
  return (
    <fieldset>
      <legend>Expires</legend>
      {keep && <Option value={keep[0]} chosen={value} label={keep[1]} />}
      {fitting.map((days) => (
        <Option value={String(days)} chosen={value} label={`in ${days} days`} />
      ))}
      {maxDays !== null && (
        <Option value={String(maxDays)} chosen={value} label={`in ${maxDays} days, the most that the organization allows`} />
      )}
      {maxDays === null && <Option value="never" chosen={value} label="never: it ends when it is deleted" />}
      <Option value="date" chosen={value} label="on the date below" />
      <Field
        name="expiryDate"
        label="Date"
        type="date"
        value={date}
        error={error}
        hint={`UTC, the end of the day; at most ${dayOf(lastExpiry(now, maxDays))}`}
      />
    </fieldset>
  );
};

const Option = ({ value, chosen, label }: { value: string; chosen: string; label: string }) => (
  <label class="plain option">
    <input type="radio" name="expiry" value={value} checked={value === chosen} /> {label}
  </label>
);

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

/** Unix seconds, 0 for never, as the API's own body has it. NaN for a date that is none. */
export function expiresOf(form: Record<string, string>, now: number): number {
  const choice = form["expiry"] ?? "never";
  if (choice === "never") return 0;
  if (choice !== "date") return Math.floor((now + Number(choice) * DAY) / 1000);
  return Math.floor(Date.parse(`${form["expiryDate"] ?? ""}T23:59:59Z`) / 1000);
}
