import type { Child } from "hono/jsx";
import { cut } from "../http/pageText.ts";

const DAY = 86_400_000;

interface Bar {
  label: string;
  count: number;
  bad?: boolean;
}

/**
 * Counts as bars, one below the other. Only the bars are a picture: labels and numbers are text, of the page's own size on every
 * screen and for every reader.
 */
export const Bars = ({ bars }: { bars: Bar[] }) => {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <dl class="bars">
      {bars.map(({ label, count, bad }) => (
        <>
          <dt>{cut(label, 40)}</dt>
          <dd>
            <svg class="chart" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              <rect class={bad ? "bar bad" : "bar"} width={((count / most) * 100).toFixed(1)} height="10" />
            </svg>
            <span class="number">{count}</span>
          </dd>
        </>
      ))}
    </dl>
  );
};

export interface DayCount {
  /** Day of UTC, `2026-01-31`. */
  day: string;
  count: number;
  /** How many of them went wrong. */
  bad?: number;
}

interface DaysProps {
  /** Days without a count may be left out. */
  counts: DayCount[];
  /** The last day shown is that of this moment. */
  now: number;
  days: number;
  /** What the picture shows, in words, for who does not see it. */
  label: string;
  children?: Child;
}

/** Counts by day, the last `days` of them. The first and last day and the highest count stand beneath as text. */
export const Days = ({ counts, now, days, label, children }: DaysProps) => {
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
              <title>{bad > 0 ? `${day}: ${count}, ${bad} of them failed` : `${day}: ${count}`}</title>
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
