import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { lookAtResources } from "../../stacks/look.ts";
import type { Leaf } from "../../state/tree.ts";
import { Badge, Empty, Field, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { resourcePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";
import { Icon, Icons } from "./icon.tsx";
import { asTree, byName } from "./ordered.ts";

/** Maximum number of resources on a page, of bytes for them, and number of bytes of markup for one of them. */
const ROWS = 200;
const ROOM = 78_000;
const MARKUP = 190;
/** Maximum number of characters of a filter. */
const FILTER = 200;

export const resourcesPage = definePage("GET", `${STACK_PAGE}/resources`, "stack:export", async (ctx) => {
  const { page } = ctx;
  const path = stackOf(ctx);
  const stack = pathOf(path);
  const filter = (page.query.get("filter") ?? "").trim().slice(0, FILTER);
  // What matches a filter is seldom connected, so it is a list.
  const isList = filter !== "" || page.query.get("view") === "list";
  const { resources, total, left } = await lookAtResources(ctx, path, filter);
  const ordered = isList ? byName(resources) : asTree(resources);
  const from = Math.min(fromOf(page.query), Math.max(1, ordered.length));
  const { shown } = fill(
    ordered.slice(from - 1, from - 1 + ROWS).map((resource, i) => short(resource, i)),
    ROOM,
    ({ urn, name, type, id, size }) => size ?? pageBytes(name + type + id + resourcePath(stack, urn)) + MARKUP,
  );
  const to = from - 1 + shown.length;
  const at = (first: number) => {
    const there = new URL(page.url);
    there.searchParams.set("from", String(first));
    return there.pathname + there.search;
  };
  return {
    title: `Resources of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="resources">
        <h2>Resources</h2>
        {total === 0 ? (
          <Empty>
            <p>
              No resources yet. Run <code>pulumi up</code> to create some.
            </p>
          </Empty>
        ) : (
          <>
            <form class="filters" method="get">
              <Field
                name="filter"
                label="Filter"
                value={filter}
                placeholder="Words of a name, type, URN or id"
                type="search"
                maxlength={FILTER}
              />
              <button class="quiet">Filter</button>
            </form>
            <p class="actions">
              <span>
                {shown.length > 0 && `${grouped(from)}–${grouped(to)} of `}
                {grouped(ordered.length)}
                {filter && ` that match, of ${grouped(total)}`}
              </span>
              {filter ? (
                <a href={`${stack}/resources`}>Show all</a>
              ) : isList ? (
                <a href={`${stack}/resources`}>Show as a tree</a>
              ) : (
                <a href={`${stack}/resources?view=list`}>Show as a list</a>
              )}
            </p>
            <Icons />
            {ordered.length === 0 ? (
              <Empty>
                <p>No resource matches all of these words.</p>
              </Empty>
            ) : isList ? (
              <List resources={shown} stack={stack} />
            ) : (
              <Tree resources={shown} stack={stack} isFirst={from === 1} />
            )}
          </>
        )}
        <nav class="pages" aria-label="Pages">
          {from > 1 && <a href={at(Math.max(1, from - ROWS))}>Previous page</a>}
          {to < ordered.length && <a href={at(to + 1)}>Next page</a>}
        </nav>
        {left > 0 && (
          <p class="faint">
            The last {grouped(left)} resources of this state were not looked at, because it is very large. The CLI shows all of them: pulumi
            stack --show-urns.
          </p>
        )}
        <p class="hint">Viewing this page is recorded in the audit log as a state export.</p>
      </StackFrame>
    ),
  };
});

/** The number of the first resource of a page, from 1. */
function fromOf(query: URLSearchParams): number {
  const written = query.get("from") ?? "";
  return /^[1-9]\d{0,5}$/.test(written) ? Number(written) : 1;
}

/** A number with a comma between groups of three digits. */
const grouped = (count: number) => count.toLocaleString("en");

/** A resource with texts that fit on the page. The first one always fits, so that each page has one at least. */
const short = (resource: Leaf, at: number): Leaf & { size?: number } => ({
  ...resource,
  name: cut(resource.name, 150),
  type: cut(resource.type, 150),
  id: cut(resource.id, 150),
  ...(at === 0 && { size: 0 }),
});

const List = ({ resources, stack }: { resources: Leaf[]; stack: string }) => (
  <Table caption="Resources" head={["Name", "Type", "Id"]}>
    {resources.map((resource) => (
      <tr>
        <th scope="row">
          <a href={resourcePath(stack, resource.urn)}>{resource.name}</a> {resource.leaving && <Badge kind="warning">to be deleted</Badge>}
        </th>
        <td class="anywhere">{resource.type}</td>
        <td class="mono anywhere">{resource.id}</td>
      </tr>
    ))}
  </Table>
);

/** A part of the tree. Each resource is under its parent, or at the top if its parent is not in this part. */
const Tree = ({ resources, stack, isFirst }: { resources: Leaf[]; stack: string; isFirst: boolean }) => {
  const below = new Map<string, Leaf[]>();
  const seen = new Set<string>();
  for (const resource of resources) {
    const parent = seen.has(resource.parent) ? resource.parent : "";
    below.set(parent, [...(below.get(parent) ?? []), resource]);
    seen.add(resource.urn);
  }
  const parent = isFirst ? undefined : resources[0]?.parent;
  return (
    <>
      {parent && (
        <p class="hint">
          Continues below <a href={resourcePath(stack, parent)}>{cut(parent.split("::").slice(3).join("::") || parent, 150)}</a>
        </p>
      )}
      <ul class="tree">
        <Twigs of="" below={below} stack={stack} />
      </ul>
    </>
  );
};

const Twigs = ({ of, below, stack }: { of: string; below: Map<string, Leaf[]>; stack: string }) => {
  const twigs = below.get(of) ?? [];
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
