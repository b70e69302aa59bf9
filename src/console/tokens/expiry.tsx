import { lastExpiry } from "../../tokens/schema.ts";
import { Field } from "../components.tsx";

const DAY = 86_400_000;

const presets = [7, 30, 90, 180, 365] as const;
/** Default expiry of a new token in days, if the policy allows it. */
const USUAL = 90;

interface Props {
  now: number;
  /** Maximum number of days that the organization allows; null for no limit. */
  maxDays: number | null;
  /** The option that keeps the current expiry, and its label. */
  keep?: readonly [value: string, label: string];
  /** The selected option. An unknown value is ignored: then `keep`, or the default, is selected. */
  value: string | undefined;
  date: string;
  error?: string | undefined;
}

/** The expiry of a new token: some days from now, a date, or never. Options that the organization's policy does not allow are left out. */
export const ExpiryFields = ({ now, maxDays, keep, value, date, error }: Props) => {
  const latest = lastExpiry(now, maxDays);
  const most = Math.floor((latest - now) / DAY);
  const options: (readonly [value: string, label: string])[] = [
    ...(keep ? [keep] : []),
    ...presets.filter((days) => maxDays === null || days < most).map((days) => [String(days), `in ${days} days`] as const),
    maxDays === null ? ["never", "no expiry"] : [String(most), `in ${most} days, the longest allowed`],
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
        hint={`End of the day in UTC; at most ${lastDay(latest)}`}
      />
    </fieldset>
  );
};

/** The last day that ends no later than this time. */
const lastDay = (latest: number) => new Date(latest - DAY + 1000).toISOString().slice(0, 10);

/** Unix seconds, 0 for never, as in the API's body. NaN for an invalid date. */
export function expiresOf(form: Record<string, string>, now: number): number {
  const choice = form["expiry"] ?? "never";
  if (choice === "never") return 0;
  if (choice !== "date") return Math.floor((now + Number(choice) * DAY) / 1000);
  return Math.floor(Date.parse(`${form["expiryDate"] ?? ""}T23:59:59Z`) / 1000);
}
