import type { Child } from "hono/jsx";
import { cut } from "../http/pageText.ts";

const DAY = 86_400_000;

interface Bar {
  label: string;
  count: number;
  /** The color; without one it is that of links. */
  kind?: "good" | "bad" | "warning" | undefined;
}

/**
 * A bar chart, one bar below the other. Only the bars are graphics: labels and numbers are text, in the page's own size and readable by
 * screen readers.
 */
export const Bars = ({ bars }: { bars: Bar[] }) => {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <dl class="bars">
      {bars.map(({ label, count, kind }) => (
        <>
          <dt>{cut(label, 40)}</dt>
          <dd>
            <svg class="chart" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              <rect class={kind ? `bar ${kind}` : "bar"} width={((count / most) * 100).toFixed(1)} height="10" />
            </svg>
            <span class="number">{count}</span>
          </dd>
        </>
      ))}
    </dl>
  );
};

export interface DayCount {
  /** A day in UTC, `2026-01-31`. */
  day: string;
  count: number;
  /** How many of them failed. */
  bad?: number;
}

interface DaysProps {
  /** Days without a count may be left out. */
  counts: DayCount[];
  /** A time on the last day that is shown. */
  now: number;
  days: number;
  /** A text alternative of the chart. */
  label: string;
  /** The participle for what is counted as bad, such as "failed". */
  bad?: string;
  children?: Child;
}

/** Counts by day, the last `days` of them. The first and last day and the highest count are below the chart as text. */
export const Days = ({ counts, now, days, label, bad: badly = "failed", children }: DaysProps) => {
  const byDay = new Map(counts.map((one) => [one.day, one]));
  const all = Array.from({ length: days }, (_, i) => {
    const day = dayOf(now - (days - 1 - i) * DAY);
    return byDay.get(day) ?? { day, count: 0 };
  });
  const most = Math.max(1, ...all.map(({ count }) => count));
  const tall = (count: number) => (count / most) * 40;
  return (
    <figure class="days">
      <svg class="chart" viewBox={`0 0 ${days * 10} 40`} preserveAspectRatio="none" role="img" aria-label={label}>
        {all.map(({ day, count, bad = 0 }, i) =>
          count === 0 ? null : (
            <g>
              <title>{bad > 0 ? `${day}: ${count}, ${bad} of them ${badly}` : `${day}: ${count}`}</title>
              <rect class="bar" x={i * 10 + 1} y={(40 - tall(count)).toFixed(1)} width="8" height={tall(count).toFixed(1)} />
              {bad > 0 && <rect class="bar bad" x={i * 10 + 1} y={(40 - tall(bad)).toFixed(1)} width="8" height={tall(bad).toFixed(1)} />}
            </g>
          ),
        )}
      </svg>
      <figcaption>
        <span>{all[0]!.day}</span>
        <span>{children}</span>
        <span>{all.at(-1)!.day}</span>
      </figcaption>
    </figure>
  );
};

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
