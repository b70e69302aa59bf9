import { badRequest } from "../../errors.ts";
import { cut, pageBytes } from "../../http/pageText.ts";
import { compareVersions } from "../../stacks/compare.ts";
import { getStack } from "../../stacks/get.ts";
import { versionParams } from "../../stacks/params.ts";
import type { StackPath } from "../../stacks/path.ts";
import type { ChangedResource, ComparedResource, Comparison, PropertyChange, Shown, Some } from "../../state/compare.ts";
import { Badge, Field, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { comparePath, updatePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";

/** Maximum number of bytes of the page for what differs, and of one name and one value. */
const ROOM = 80_000;
const NAME = 200;
const VALUE = 600;
/** Number of bytes of the markup of a resource in a list, of a resource with a table, and of a row of that table. */
const ITEM = 110;
const TABLE = 620;
const ROW = 110;

export const comparePage = definePage("GET", `${STACK_PAGE}/compare`, "stack:export", async (ctx) => {
  const { query } = ctx.page;
  // The address may have the names in another case.
  const { version, orgName, projectName, stackName } = await getStack(ctx, stackOf(ctx));
  const path = { orgName, projectName, stackName };
  const asked = query.has("from") || query.has("to");
  const [from, to] = asked ? [versionIn(query, "from"), versionIn(query, "to")] : [Math.max(1, version - 1), Math.max(1, version)];
  const comparison = asked ? await compareVersions(ctx, path, from, to) : undefined;
  return {
    title: `${asked ? `Versions ${from} and ${to}` : "Compare versions"} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at={undefined}>
        <h2>{asked ? `What changed from version ${from} to version ${to}` : "Compare two versions"}</h2>
        <CompareForm path={path} from={from} to={to} />
        {comparison && <Differences comparison={comparison} path={path} from={from} to={to} />}
        <p class="hint">A comparison is recorded in the audit log as one state export.</p>
      </StackFrame>
    ),
  };
});

function versionIn(query: URLSearchParams, name: "from" | "to"): number {
  const version = versionParams.shape.version.safeParse(query.get(name) ?? "");
  if (!version.success) throw badRequest(`the link needs two versions: '${name}' is not a number`);
  return version.data;
}

/** Asks for two versions. Its address names both. */
export const CompareForm = ({ path, from, to }: { path: StackPath; from: number; to: number }) => (
  <form class="filters versions" method="get" action={`${pathOf(path)}/compare`}>
    <Field name="from" label="From version" value={String(from)} type="number" required />
    <Field name="to" label="To version" value={String(to)} type="number" required />
    <button class="quiet">Compare</button>
  </form>
);

interface DifferencesProps {
  comparison: Comparison;
  path: StackPath;
  from: number;
  to: number;
}

const Differences = ({ comparison, path, from, to }: DifferencesProps) => {
  const { added, removed, changed, unchanged, notCompared } = comparison;
  const stack = pathOf(path);
  const room = { left: ROOM };
  // The properties of what changed are looked for first, and take most room.
  const tables = fitting(changed, room, (resource) => TABLE + bytesOf(resource) + propertyBytes(resource));
  const [more, less] = [added, removed].map((list) => fitting(list, room, (resource) => ITEM + bytesOf(resource)));
  return (
    <>
      <p>
        {count(added)} added, {count(changed)} changed, {count(removed)} removed, {unchanged} unchanged.
      </p>
      <p class="actions">
        <a href={updatePath(stack, from)}>Update {from}</a>
        <a href={updatePath(stack, to)}>Update {to}</a>
        {from !== to && <a href={comparePath(stack, to, from)}>The other way round</a>}
      </p>
      {notCompared > 0 && (
        <p class="notice warning">{notCompared} resources were not compared, because these states are too large for this page.</p>
      )}
      {tables.shown.length > 0 && <h3>Changed</h3>}
      {tables.shown.map((resource) => (
        <details open>
          <summary>
            <Name resource={resource} /> <Badge kind="info">changed</Badge>
          </summary>
          <Properties resource={resource} from={from} to={to} />
        </details>
      ))}
      <Rest of={tables} />
      <Names title="Added" kind="good" list={more!} />
      <Names title="Removed" kind="bad" list={less!} />
    </>
  );
};

const count = ({ shown, more }: Some<unknown>) => shown.length + more;

/** The first ones that fit into the room, which becomes smaller. */
function fitting<T>(list: Some<T>, room: { left: number }, bytes: (item: T) => number): Some<T> {
  const shown: T[] = [];
  for (const item of list.shown) {
    if ((room.left -= bytes(item)) < 0) break;
    shown.push(item);
  }
  return { shown, more: count(list) - shown.length };
}

const bytesOf = ({ name, type }: ComparedResource) => Math.min(pageBytes(name), NAME + 3) + Math.min(pageBytes(type), NAME + 3);

const propertyBytes = ({ properties = [], name }: ChangedResource) =>
  Math.min(pageBytes(name), NAME + 3) +
  shownProperties(properties).reduce(
    (sum, { name, before, after }) => sum + ROW + pageBytes(cut(name, NAME)) + pageBytes(textOf(before)) + pageBytes(textOf(after, before)),
    0,
  );

/** Maximum number of properties of one resource on the page. */
const MOST_PROPERTIES = 40;
const shownProperties = (properties: PropertyChange[]) => properties.slice(0, MOST_PROPERTIES);

function textOf(value: Shown | undefined, before?: Shown): string {
  if (value === undefined) return "–";
  if ("text" in value) return cut(value.text, VALUE);
  return before && "isSecret" in before ? "[secret], changed" : "[secret]";
}

const Name = ({ resource: { name, type, leaving } }: { resource: ComparedResource }) => (
  <>
    {cut(name, NAME)} <span class="faint">{cut(type, NAME)}</span> {leaving && <Badge kind="warning">to be deleted</Badge>}
  </>
);

const Properties = ({ resource: { name, properties }, from, to }: { resource: ChangedResource; from: number; to: number }) => {
  if (!properties) return <p class="faint">Its properties are not shown, because too much has changed. The CLI exports both versions.</p>;
  if (properties.length === 0) return <p class="faint">Only the order or the spelling of its members differs.</p>;
  const more = properties.length - MOST_PROPERTIES;
  return (
    <>
      <Table caption={`Changes of ${cut(name, NAME)}`} head={["Property", `Version ${from}`, `Version ${to}`]}>
        {shownProperties(properties).map(({ name: its, before, after }) => (
          <tr>
            <th scope="row">{cut(its, NAME)}</th>
            <td class="mono anywhere">{textOf(before)}</td>
            <td class="mono anywhere">{textOf(after, before)}</td>
          </tr>
        ))}
      </Table>
      {more > 0 && <p class="faint">and {more} more properties</p>}
    </>
  );
};

const Names = ({ title, kind, list }: { title: string; kind: "good" | "bad"; list: Some<ComparedResource> }) =>
  count(list) === 0 ? (
    <></>
  ) : (
    <>
      <h3>{title}</h3>
      <ul class="plain">
        {list.shown.map((resource) => (
          <li>
            <Badge kind={kind}>{title.toLowerCase()}</Badge> <Name resource={resource} />
          </li>
        ))}
      </ul>
      <Rest of={list} />
    </>
  );

const Rest = ({ of: { more } }: { of: Some<unknown> }) =>
  more > 0 ? <p class="faint">and {more} more. The CLI exports both versions.</p> : <></>;
