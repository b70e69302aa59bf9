import { lookAtResources } from "../../stacks/look.ts";
import type { Branch } from "../../state/tree.ts";
import { Badge, Empty } from "../components.tsx";
import { definePage } from "../page.tsx";
import { Dependencies, MOST_DRAWN } from "./dependencies.tsx";
import { S, StackFrame, cut, stackOf } from "./frame.tsx";
import { Icon } from "./icon.tsx";

export const resourcesPage = definePage("GET", `${S}/resources`, "stack:export", async (ctx) => {
  const path = stackOf(ctx);
  const { resources, more } = await lookAtResources(ctx, path);
  const drawn = more === 0 && resources.length <= MOST_DRAWN && resources.some(({ dependencies }) => dependencies.length > 0);
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
          <Tree resources={resources} />
        )}
        {more > 0 && <p class="faint">and {more} more. The CLI has them all: pulumi stack --show-urns.</p>}
        {drawn && (
          <>
            <h2>Dependencies</h2>
            <Dependencies resources={resources} />
          </>
        )}
        <p class="hint">Looking at this page is in the audit log as an export.</p>
      </StackFrame>
    ),
  };
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
          <strong>{cut(resource.name, 150)}</strong> <span class="faint">{cut(resource.type, 150)}</span>{" "}
          {resource.leaving && <Badge kind="warning">to be deleted</Badge>}
          {resource.id && <div class="hint mono">{cut(resource.id, 150)}</div>}
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
