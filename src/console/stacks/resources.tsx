import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { lookAtResources } from "../../stacks/look.ts";
import type { Branch } from "../../state/tree.ts";
import { Badge, Empty } from "../components.tsx";
import { definePage } from "../page.tsx";
import { Dependencies, MOST_DRAWN } from "./dependencies.tsx";
import { STACK_PAGE, StackFrame, stackOf } from "./frame.tsx";
import { Icon, Icons } from "./icon.tsx";

/** Maximum number of bytes on the page for the tree, and number of bytes of markup for one resource. */
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
            <p>No resources yet. Run `pulumi up` to create some.</p>
          </Empty>
        ) : (
          <>
            <Icons />
            <Tree resources={resources} />
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
  // Two resources can have the same URN while one waits for its deletion: their children are shown once.
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
