import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { lookAtResources } from "../../stacks/look.ts";
import type { Branch } from "../../state/tree.ts";
import { Badge, Empty } from "../components.tsx";
import { definePage } from "../page.tsx";
import { Dependencies, MOST_DRAWN } from "./dependencies.tsx";
import { STACK_PAGE, StackFrame, stackOf } from "./frame.tsx";
import { Icon, Icons } from "./icon.tsx";

/** Bytes of the page for the tree, and for what is around the texts of one resource in it. */
const TREE = 60_000;
const MARKUP = 170;

export const resourcesPage = definePage("GET", `${STACK_PAGE}/resources`, "stack:export", async (ctx) => {
  const path = stackOf(ctx);
  const found = await lookAtResources(ctx, path);
  const { shown: resources, more: cutOff } = fill(
    found.resources.map(short),
    TREE,
    ({ name, type, id }) => pageBytes(name + type + id) + MARKUP,
  );
  const more = found.more + cutOff;
  const drawn = more === 0 && resources.length <= MOST_DRAWN;
  return {
    title: `Resources of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="resources">
        <h2>Resources</h2>
        {resources.length === 0 && more === 0 ? (
          <Empty>
            <p>This stack has no resources yet. Its next update makes them.</p>
          </Empty>
        ) : (
          <>
            <Icons />
            <Tree resources={resources} />
          </>
        )}
        {more > 0 && <p class="faint">and {more} more. The CLI has them all: pulumi stack --show-urns.</p>}
        {drawn && <Dependencies resources={resources} />}
        <p class="hint">Looking at this page is in the audit log as an export.</p>
      </StackFrame>
    ),
  };
});

const short = (resource: Branch): Branch => ({
  ...resource,
  name: cut(resource.name, 150),
  type: cut(resource.type, 150),
  id: cut(resource.id, 150),
});

/** Each under its parent; one whose parent is not shown stands at the top. A state has parents first, so there is no circle. */
const Tree = ({ resources }: { resources: Branch[] }) => {
  const children = new Map<string, Branch[]>();
  const seen = new Set<string>();
  for (const resource of resources) {
    const parent = seen.has(resource.parent) ? resource.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), resource]);
    seen.add(resource.urn);
  }
  return (
    <ul class="tree">
      <Twigs of="" below={children} />
    </ul>
  );
};

const Twigs = ({ of, below }: { of: string; below: Map<string, Branch[]> }) => {
  const twigs = below.get(of) ?? [];
  // Two may have one URN while the first waits for its deletion: what is below is shown once.
  below.delete(of);
  return (
    <>
      {twigs.map((resource) => (
        <li>
          <Icon type={resource.type} custom={resource.custom} />
          <strong>{resource.name}</strong> <span class="faint">{resource.type}</span>{" "}
          {resource.leaving && <Badge kind="warning">to be deleted</Badge>}
          {resource.id && <div class="hint mono">{resource.id}</div>}
          {below.has(resource.urn) && (
            <ul>
              <Twigs of={resource.urn} below={below} />
            </ul>
          )}
        </li>
      ))}
    </>
  );
};
