import type { Branch } from "../../state/tree.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { resourcePath, segment } from "../paths.ts";
import { nameIn, typeIn } from "./resourceTabs.tsx";

/** Maximum number of bytes on the page for one list of neighbours. */
const ROOM = 7000;

interface Props {
  stack: string;
  resource: Branch;
  dependents: string[];
  below: string[];
  /** Number of dependents and children that are not named. */
  more: number;
}

/**
 * The resources around one: from left to right what it depends on, the resource between its parent and its children, and what depends on it. It is a
 * graph of lists, which are below each other on a phone, so it stays readable however large the state is.
 */
export const Neighbourhood = ({ stack, resource, dependents, below, more }: Props) => (
  <>
    <div class="around">
      <Neighbours title="Depends on" urns={[...new Set(resource.dependencies)]} stack={stack} none="Depends on nothing." />
      <div class="here">
        {resource.parent && <Neighbours title="Parent" urns={[resource.parent]} stack={stack} />}
        <p class="self">
          {cut(resource.name, 200)}
          <span class="hint">{cut(resource.type, 200)}</span>
        </p>
        <Neighbours title="Its children" urns={below} stack={stack} />
      </div>
      <Neighbours title="Its dependents" urns={dependents} stack={stack} none="Nothing depends on it." />
    </div>
    {more > 0 && <p class="faint">and {more} more dependents and children</p>}
  </>
);

/** Links to resources of the same stack. */
const Neighbours = ({ title, urns, stack, none }: { title: string; urns: string[]; stack: string; none?: string }) => {
  if (urns.length === 0) return none ? <div class="side faint">{none}</div> : null;
  const { shown, more } = fill(urns, ROOM, (urn) => segment(urn).length + Math.min(pageBytes(urn), 400) + 120);
  return (
    <div class="side">
      <h4>
        {title} <span class="faint">{urns.length}</span>
      </h4>
      <ul>
        {shown.map((urn) => (
          <li>
            <a href={resourcePath(stack, urn)}>{cut(nameIn(urn), 200)}</a>
            <div class="hint">{cut(typeIn(urn), 200)}</div>
          </li>
        ))}
        {more > 0 && <li class="faint">and {more} more</li>}
      </ul>
    </div>
  );
};
