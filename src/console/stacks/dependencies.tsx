import type { Branch } from "../../state/tree.ts";
import { cut } from "../../http/pageText.ts";

/** Maximum number of resources in the picture: with more it would be unreadable. */
export const MOST_DRAWN = 40;
const MOST_EDGES = 200;

const WIDTH = 190;
const HEIGHT = 34;
const ACROSS = 240;
const DOWN = 46;
/** Number of characters that fit into a box at the page's font size. */
const LABEL = 20;

interface Place {
  level: number;
  x: number;
  y: number;
  name: string;
}

/**
 * A graph of dependencies from left to right: a resource is to the right of its dependencies. Resources without any dependency in either
 * direction are left out; the tree above lists all resources.
 */
export const Dependencies = ({ resources }: { resources: Branch[] }) => {
  const here = new Set(resources.map(({ urn }) => urn));
  const links = resources
    .flatMap(({ urn, dependencies }) => [...new Set(dependencies)].map((its) => [its, urn] as const))
    .filter(([its, urn]) => its !== urn && here.has(its))
    .slice(0, MOST_EDGES);
  if (links.length === 0) return null;
  const linked = new Set(links.flat());
  const places = new Map<string, Place>();
  const used: number[] = [];
  for (const { urn, dependencies, name } of resources) {
    if (!linked.has(urn)) continue;
    // A state lists dependencies first, so their levels are already known.
    const level = dependencies.reduce((deepest, its) => Math.max(deepest, (places.get(its)?.level ?? -1) + 1), 0);
    places.set(urn, { level, x: level * ACROSS + 1, y: (used[level] ?? 0) * DOWN + 1, name });
    used[level] = (used[level] ?? 0) + 1;
  }
  const width = (used.length - 1) * ACROSS + WIDTH + 2;
  const height = used.reduce((most, count) => Math.max(most, count), 0) * DOWN;
  const edges = links.flatMap(([its, urn]) => {
    const [from, to] = [places.get(its), places.get(urn)];
    return from && to ? [{ from, to }] : [];
  });
  return (
    <>
      <h2>Dependencies</h2>
      <div class="scroll" tabindex={0} role="region" aria-label="Dependencies">
        <svg
          class="graph"
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${places.size} resources, ${edges.length} dependencies between them`}
        >
          {edges.map(({ from, to }) => (
            <path d={curve(from, to)} />
          ))}
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
    </>
  );
};

/** A line across several levels runs between the boxes of the levels that it crosses. */
function curve(from: Place, to: Place): string {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const [bend, hang] = to.level - from.level > 1 ? [60, 32] : [30, 0];
  return `M${x1} ${y1}C${x1 + bend} ${y1 + hang} ${x2 - bend} ${y2 + hang} ${x2} ${y2}`;
}
