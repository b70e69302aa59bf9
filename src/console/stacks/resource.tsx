import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { type ShownOutput, lookAtResource } from "../../stacks/look.ts";
import { Badge, Copyable, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { resourcePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";

/** Most characters of a URN in a link; a longer one cannot be asked for. Its member in the state is not longer either, see `Branch`. */
const LONGEST = 4096;
/** Maximum number of bytes on the page for one list of neighbours. */
const NEIGHBOURS = 9000;

export const resourcePage = definePage("GET", `${STACK_PAGE}/resource`, "stack:export", async (ctx) => {
  const path = stackOf(ctx);
  const stack = pathOf(path);
  const found = await lookAtResource(ctx, path, (ctx.page.query.get("urn") ?? "").slice(0, LONGEST));
  const { resource } = found;
  return {
    title: `${cut(resource.name, 150)} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="resources">
        <h2>{cut(resource.name, 300)}</h2>
        <p>
          {resource.leaving && <Badge kind="warning">to be deleted</Badge>} {found.isProtected && <Badge kind="info">protected</Badge>}{" "}
          {found.isExternal && <Badge>read, not managed</Badge>}
        </p>
        <dl>
          <dt>Type</dt>
          <dd class="mono">{cut(resource.type, 300)}</dd>
          {resource.id && (
            <>
              <dt>Id</dt>
              <dd class="mono">{cut(resource.id, 1000)}</dd>
            </>
          )}
          {found.provider && (
            <>
              <dt>Provider</dt>
              <dd class="mono">{cut(found.provider, 600)}</dd>
            </>
          )}
          <dt>State</dt>
          <dd>Version {found.version}</dd>
        </dl>
        <Copyable label="URN" text={cut(resource.urn, 3000)} />
        <Properties title="Inputs" {...found.inputs} />
        <Properties title="Outputs" {...found.outputs} />
        {resource.parent && <Neighbours title="Parent" urns={[resource.parent]} stack={stack} />}
        <Neighbours title="Depends on" urns={resource.dependencies} stack={stack} />
        <Neighbours title="Its dependents" urns={found.dependents} stack={stack} />
        <Neighbours title="Its children" urns={found.children} stack={stack} />
        {found.more > 0 && <p class="faint">and {found.more} more dependents and children</p>}
        <p class="hint">Viewing this page is recorded in the audit log as the export of a resource.</p>
      </StackFrame>
    ),
  };
});

const Properties = ({ title, shown, more }: { title: string; shown: ShownOutput[]; more: number }) => (
  <>
    <h3>{title}</h3>
    {shown.length === 0 && more === 0 ? (
      <p class="faint">None.</p>
    ) : (
      <Table caption={title} head={["Name", "Value"]}>
        {shown.map(({ name, text }) => (
          <tr>
            <th scope="row">{cut(name, 300)}</th>
            <td class="mono">{text ?? "[secret]"}</td>
          </tr>
        ))}
      </Table>
    )}
    {more > 0 && <p class="faint">and {more} more. The CLI shows all of them: pulumi stack export.</p>}
  </>
);

/** Links to resources of the same stack. A provider is named by its URN and its id, so it is not among them. */
const Neighbours = ({ title, urns, stack }: { title: string; urns: string[]; stack: string }) => {
  if (urns.length === 0) return null;
  const { shown, more } = fill(urns, NEIGHBOURS, (urn) => encodeURIComponent(urn).length + Math.min(pageBytes(urn), 400) + 120);
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {shown.map((urn) => (
          <li>
            <a href={resourcePath(stack, urn)}>{cut(urn.split("::").slice(3).join("::") || urn, 200)}</a>{" "}
            <span class="faint">{cut(urn.split("::")[2]?.split("$").at(-1) ?? "", 200)}</span>
          </li>
        ))}
        {more > 0 && <li class="faint">and {more} more</li>}
      </ul>
    </>
  );
};
