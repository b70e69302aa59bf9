import { lastExpiry } from "../../tokens/schema.ts";
import { Field } from "../components.tsx";

const DAY = 86_400_000;

const presets = [7, 30, 90, 180, 365] as const;
/** Days of a new token, where nobody says otherwise and the policy allows it. */
const USUAL = 90;

interface Props {
  now: number;
  /** What the organization allows at most; null for no limit. Days. */
  maxDays: number | null;
  /** The choice that changes nothing, and its label. */
  keep?: readonly [value: string, label: string];
  /** What was chosen. What is no choice here is as good as nothing: then it is `keep`, or the usual. */
  value: string | undefined;
  date: string;
  error?: string | undefined;
}

/** When a new token shall end: some days from now, a date, or never. The organization's policy leaves out what it does not allow. */
export const ExpiryFields = ({ now, maxDays, keep, value, date, error }: Props) => {
  const latest = lastExpiry(now, maxDays);
  const most = Math.floor((latest - now) / DAY);
  const options: (readonly [value: string, label: string])[] = [
    ...(keep ? [keep] : []),
    ...presets.filter((days) => maxDays === null || days < most).map((days) => [String(days), `in ${days} days`] as const),
    maxDays === null ? ["never", "never: it ends when it is deleted"] : [String(most), `in ${most} days, the most that is allowed`],
    ["date", "on the date below"],
  ];
  const chosen = options.some(([option]) => option === value) ? value : (keep?.[0] ?? String(Math.min(USUAL, most)));
  return (
    <fieldset>
      <legend>Expires</legend>
      {options.map(([option, label]) => (
        <label class="plain option">
          <input type="radio" name="expiry" value={option} checked={option === chosen} /> {label}
        </label>
      ))}
      <Field
        name="expiryDate"
        label="Date"
        type="date"
        value={date}
        error={error}
        hint={`UTC, the end of the day; at most ${lastDay(latest)}`}
      />
    </fieldset>
  );
};

/** The last day whose end is not later than that. */
const lastDay = (latest: number) => new Date(latest - DAY + 1000).toISOString().slice(0, 10);

/** Unix seconds, 0 for never, as the API's own body has it. NaN for a date that is none. */
export function expiresOf(form: Record<string, string>, now: number): number {
  const choice = form["expiry"] ?? "never";
  if (choice === "never") return 0;
  if (choice !== "date") return Math.floor((now + Number(choice) * DAY) / 1000);
  return Math.floor(Date.parse(`${form["expiryDate"] ?? ""}T23:59:59Z`) / 1000);
}
