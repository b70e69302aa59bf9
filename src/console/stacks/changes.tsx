import type { UpdateRow } from "../../updates/info.ts";
import { cut } from "./frame.tsx";

const MOST = 12;
const LINE = 24;

/** How many resources were created, changed and so on, as bars; what stayed is said beneath. */
export const Changes = ({ row: { resourceChanges } }: { row: UpdateRow }) => {
  const { same = 0, ...others } = JSON.parse(resourceChanges ?? "{}") as Record<string, number>;
  const bars = Object.entries(others)
    .filter(([, count]) => count > 0)
    .slice(0, MOST);
  if (bars.length === 0) return same > 0 ? <p class="faint">{same} unchanged</p> : null;
  const most = Math.max(...bars.map(([, count]) => count));
  return (
    <figure class="bars">
      <svg
        class="chart"
        viewBox={`0 0 600 ${bars.length * LINE}`}
        role="img"
        aria-label={bars.map(([op, count]) => `${cut(op, 40)}: ${count}`).join(", ")}
      >
        {bars.map(([op, count], i) => (
          <g>
            <text x="0" y={i * LINE + 16}>
              {cut(op, 22)}
            </text>
            <rect
              class={op.startsWith("delete") ? "bar bad" : "bar"}
              x="140"
              y={i * LINE + 5}
              width={Math.max(2, (count / most) * 400)}
              height="14"
              rx="3"
            />
            <text x={146 + Math.max(2, (count / most) * 400)} y={i * LINE + 16}>
              {count}
            </text>
          </g>
        ))}
      </svg>
      {same > 0 && <figcaption>{same} unchanged</figcaption>}
    </figure>
  );
};
