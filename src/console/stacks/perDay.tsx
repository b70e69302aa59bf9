import type { OrgContext } from "../../context.ts";
import { type UpdatesOfDay, updatesPerDay } from "../../history/perDay.ts";
import { Days } from "../charts.tsx";

const DAYS = 30;

export const recentUpdates = (ctx: OrgContext, stackIds: string[]) => updatesPerDay(ctx, stackIds, DAYS);

/** A chart of updates by day. Without updates there is no chart. */
export const PerDay = ({ counts, now }: { counts: UpdatesOfDay[]; now: number }) => {
  if (counts.length === 0) return null;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const bad = counts.reduce((sum, { bad }) => sum + bad, 0);
  const text = `${total} update${total === 1 ? "" : "s"} in ${DAYS} days${bad > 0 ? `, ${bad} of them failed` : ""}`;
  return (
    <Days counts={counts} now={now} days={DAYS} label={text}>
      {text}
    </Days>
  );
};
