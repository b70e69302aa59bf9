import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { lookAtResources } from "../../stacks/look.ts";
import type { Branch } from "../../state/tree.ts";
import { Badge, Empty } from "../components.tsx";
import { definePage } from "../page.tsx";
import { Dependencies, MOST_DRAWN } from "./dependencies.tsx";
import { natural } from "../natural.ts";
import { resourcePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";
import { Icon, Icons } from "./icon.tsx";

/** Maximum number of bytes on the page for the tree, and number of bytes of markup for one resource. */
const TREE = 88_000;
const MARKUP = 140;

export const resourcesPage = definePage("GET", `${STACK_PAGE}/resources`, "stack:export", async (ctx) => {
  const path = stackOf(ctx);
  const found = await lookAtResources(ctx, path);
  const { shown: resources, more: cutOff } = fill(
    found.resources.map(short),
    TREE,
    ({ urn, name, type, id, leaving }) =>
      pageBytes(name + type + id + resourcePath(pathOf(path), urn)) + MARKUP + (id ? 30 : 0) + (leaving ? 50 : 0),
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
            <p>No resources yet. Run `pulumi up` to create some.</p>
          </Empty>
        ) : (
          <>
            <Icons />
            <Tree resources={resources} stack={pathOf(path)} />
          </>
        )}
        {more > 0 && <p class="faint">and {more} more. The CLI shows all of them: pulumi stack --show-urns.</p>}
        {drawn && <Dependencies resources={resources} />}
        <p class="hint">Viewing this page is recorded in the audit log as a state export.</p>
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

/** Each resource is under its parent, or at the top if its parent is not shown. A state lists parents first, so there is no cycle. */
const Tree = ({ resources, stack }: { resources: Branch[]; stack: string }) => {
  const children = new Map<string, Branch[]>();
  const seen = new Set<string>();
  for (const resource of resources) {
    const parent = seen.has(resource.parent) ? resource.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), resource]);
    seen.add(resource.urn);
  }
  return (
    <ul class="tree">
      <Twigs of="" below={children} stack={stack} />
    </ul>
  );
};

const Twigs = ({ of, below, stack }: { of: string; below: Map<string, Branch[]>; stack: string }) => {
  const twigs = (below.get(of) ?? []).toSorted((a, b) => natural.compare(a.type, b.type) || natural.compare(a.name, b.name));
  // Two resources can have the same URN while one waits for its deletion: their children are shown once.
  below.delete(of);
  return (
    <>
      {twigs.map((resource) => (
        <li>
          <Icon type={resource.type} custom={resource.custom} />
          <a href={resourcePath(stack, resource.urn)}>{resource.name}</a> <span class="faint">{resource.type}</span>{" "}
          {resource.leaving && <Badge kind="warning">to be deleted</Badge>}
          {resource.id && <div class="hint mono">{resource.id}</div>}
          {below.has(resource.urn) && (
            <ul>
              <Twigs of={resource.urn} below={below} stack={stack} />
            </ul>
          )}
        </li>
      ))}
    </>
  );
};
