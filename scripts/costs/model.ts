/** Computes what Cloudflare bills a deployment in a month, from the operations that `npm run bench:billed` has counted. */
import { type Amounts, type Billed, dollars, PLAN, prices } from "./prices.ts";
import { type Points, counted } from "./counted.ts";

const DAYS = 30.4;

export interface Use {
  /** Runs of `pulumi up` in a day, each with a preview before it. */
  updates: number;
  /** Resources of a stack, and how many of them an update changes. */
  resources: number;
  changed: number;
  /** Kilobytes of a resource in the state. */
  kilobytes: number;
  /** Seconds that a run takes, with its preview: mostly the time of the clouds. */
  seconds: number;
  /** Other requests in a day: people in the console, scripts that call the API, each `stack output`. */
  requests: number;
  /** Months that versions of states and audit events have been kept. */
  months: number;
}

/** The amounts for a number of resources, on the line through the two counted numbers that are next to it. */
export function onLine(points: Points, resources: number): Amounts {
  const numbers = Object.keys(points).map(Number);
  const upper = Math.max(
    1,
    numbers.findIndex((number) => number >= resources),
  );
  const [low, high] = numbers.slice(upper < 0 ? -2 : upper - 1) as [number, number];
  const part = (resources - low) / (high - low);
  return Object.fromEntries(
    (Object.keys(points[low]!) as Billed[]).map((kind) => {
      const [from, to] = [points[low]![kind] ?? 0, points[high]![kind] ?? 0];
      return [kind, Math.max(0, from + part * (to - from))];
    }),
  );
}

function sum(...parts: [amounts: Amounts, times: number][]): Amounts {
  const total: Amounts = {};
  for (const [amounts, times] of parts)
    for (const [kind, amount] of Object.entries(amounts) as [Billed, number][]) total[kind] = (total[kind] ?? 0) + amount * times;
  return total;
}

/** The costs of changes are added to those of an update that changes nothing. */
const changes: Points = { 0: onLine(counted.unchanged, 0), ...counted.created };

/** One `up` without its preview. Resources that it does not change cost less than those that it creates or changes. */
export const amountsOfUpdate = (resources: number, changed: number): Amounts =>
  sum([onLine(counted.unchanged, resources), 1], [onLine(changes, changed), 1], [onLine(counted.unchanged, changed), -1]);

/** All that is billed in one month. */
export function amountsOfMonth(use: Use): Amounts {
  const updates = use.updates * DAYS;
  const stateBytes = use.resources * use.kilobytes * 1024;
  const GB = 1e9;
  return sum(
    [amountsOfUpdate(use.resources, use.changed), updates],
    [onLine(counted.preview, use.resources), updates],
    [counted.read, use.requests * DAYS],
    [counted.cron, 60 * 24 * DAYS],
    // An object has 128 MB, and stays in memory for some ten seconds after its last request.
    [{ objectTime: (use.seconds + 10) * 0.128 }, updates],
    // Each update stores the state as a new version.
    [{ bucketStored: stateBytes / GB, databaseStored: counted.databaseBytes / GB }, updates * use.months],
  );
}

/** Dollars in a month, by what is billed, and the plan. */
export function costs(amounts: Amounts): { kind: Billed; amount: number; dollars: number }[] {
  return (Object.keys(prices) as Billed[]).map((kind) => ({
    kind,
    amount: amounts[kind] ?? 0,
    dollars: dollars(kind, amounts[kind] ?? 0),
  }));
}

export const total = (amounts: Amounts): number => PLAN + costs(amounts).reduce((all, one) => all + one.dollars, 0);
