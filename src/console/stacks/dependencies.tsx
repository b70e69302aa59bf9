import type { Branch } from "../../state/tree.ts";
import { cut } from "../../http/pageText.ts";

/** More would be a tangle. */
export const MOST_DRAWN = 40;
const MOST_EDGES = 200;

const WIDTH = 190;
const HEIGHT = 34;
const ACROSS = 240;
const DOWN = 46;
/** Characters of the page's own size that a box has room for. */
const LABEL = 20;

/** Arrows from left to right: what is left had to be there first. The tree above says the same resources in words. */
export const Dependencies = ({ resources }: { resources: Branch[] }) => {
  const places = new Map<string, { x: number; y: number; name: string }>();
  const levels = new Map<string, number>();
  const used: number[] = [];
  for (const { urn, dependencies, name } of resources) {
    // A state has dependencies first, so their levels are known.
    const level = Math.max(0, ...dependencies.map((its) => (levels.get(its) ?? -1) + 1));
    levels.set(urn, level);
    places.set(urn, { x: level * ACROSS + 1, y: (used[level] ?? 0) * DOWN + 1, name });
    used[level] = (used[level] ?? 0) + 1;
  }
  const width = (used.length - 1) * ACROSS + WIDTH + 2;
  const height = Math.max(...used) * DOWN;
  const edges = resources
    .flatMap(({ urn, dependencies }) =>
      [...new Set(dependencies)].flatMap((its) => {
        const [from, to] = [places.get(its), places.get(urn)];
        return from && to && from !== to ? [{ from, to }] : [];
      }),
    )
    .slice(0, MOST_EDGES);
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Dependencies">
      <svg
        class="graph"
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${resources.length} resources, ${edges.length} dependencies between them`}
      >
        {edges.map(({ from, to }) => {
          const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
          return <path d={`M${x1} ${y1}C${x1 + 30} ${y1} ${x2 - 30} ${y2} ${x2} ${y2}`} />;
        })}
        {[...places.values()].map(({ x, y, name }) => (
          <g>
            <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx="5" />
            <text x={x + 10} y={y + 22}>
              {cut(name, LABEL)}
            </text>
            {name.length > LABEL && <title>{name}</title>}
          </g>
        ))}
      </svg>
    </div>
  );
};
