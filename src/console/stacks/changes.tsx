import type { UpdateRow } from "../../history/info.ts";
import { Bars } from "../charts.tsx";
import { colorOf } from "./operation.ts";

const MOST_KINDS = 12;

/** A bar chart of created, changed and other resources; the text below has the number of unchanged resources. */
export const ResourceChanges = ({ row: { resourceChanges } }: { row: UpdateRow }) => {
  const { same = 0, ...others } = JSON.parse(resourceChanges ?? "{}") as Record<string, number>;
  const bars = Object.entries(others)
    .filter(([, count]) => count > 0)
    .slice(0, MOST_KINDS)
    .map(([label, count]) => ({ label, count, kind: colorOf(label) }));
  return (
    <>
      {bars.length > 0 && <Bars bars={bars} />}
      {same > 0 && <p class="faint">{same} unchanged</p>}
    </>
  );
};
