import type { OrgContext } from "../../context.ts";
import { AppError } from "../../errors.ts";
import { projectName } from "../../http/names.ts";
import { natural } from "../../http/natural.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { type LastUpdate, lastUpdates } from "../../history/lastUpdates.ts";
import { type ListedStack, MOST_LISTED, type StackList, type StackStatus, listStacks } from "../../history/listStacks.ts";
import { projectExists } from "../../stacks/get.ts";
import { ListUserStacksQuery } from "../../stacks/schema.ts";
import { readForm } from "../attempt.ts";
import { Choice, Copyable, Empty, Field, Notice, Table, Time, pageIn } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { projectPath, stackPath, stacksPath, updatePath } from "../paths.ts";
import { streamWarning } from "../streams/warning.tsx";
import { Requester, Status, titleOf } from "./entries.tsx";
import { PerDay, recentUpdates } from "./perDay.tsx";
import { CommitCell } from "./source.tsx";

/** Maximum number of rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = 50;
/** Maximum number of bytes of the page for the names of projects that the filter suggests. */
const SUGGESTIONS = 4000;

const statuses: [StackStatus | "", string][] = [
  ["", "any"],
  ["failed", "failed"],
  ["running", "in progress"],
  ["succeeded", "succeeded"],
  ["cancelled", "cancelled"],
  ["never", "no update yet"],
];
const orders = [
  ["recent", "last update"],
  ["name", "project and name"],
] as const;

export const stackListPages = [
  definePage("GET", "/:orgName/~/stacks", "stack:list", (ctx) => view(ctx, undefined)),

  definePage("GET", "/:orgName/:projectName", "stack:list", async (ctx) => {
    const project = projectName.safeParse(ctx.page.params["projectName"]);
    if (!project.success || !(await projectExists(ctx, project.data))) throw new AppError(404, "There is no such project.");
    return view(ctx, project.data);
  }),
];

/** The filters in the address. A value of a choice that does not exist counts as no choice. */
function askedFor({ query }: PageInput) {
  const text = (name: string) => query.get(name) ?? "";
  return {
    search: text("search"),
    tag: text("tag"),
    project: text("project"),
    status: statuses.find(([status]) => status === text("status"))?.[0] ?? "",
    sort: orders.find(([order]) => order === text("sort"))?.[0] ?? "recent",
  } as const;
}
type Asked = ReturnType<typeof askedFor>;

/** A list without stacks. */
const nothing: StackList = { stacks: [], total: 0, perProject: new Map(), isCut: false };

async function view(ctx: OrgContext & { page: PageInput }, project: string | undefined): Promise<View> {
  const { page, org } = ctx;
  const asked = askedFor(page);
  const query = readForm(ListUserStacksQuery, {
    search: asked.search || undefined,
    project: project ?? (asked.project || undefined),
    ...tagOf(asked.tag),
  });
  const problem = "problem" in query ? query.problem : undefined;
  const at = pageIn(page.query);
  const list =
    "value" in query
      ? await listStacks(ctx, { ...query.value, status: asked.status || undefined, sort: asked.sort, page: at, pageSize: PAGE_SIZE })
      : nothing;
  const ids = list.stacks.map(({ id }) => id);
  // The chart is shown only if it counts the updates of all stacks of the list.
  const isWhole = list.total === ids.length;
  const [perDay, last] = await Promise.all([isWhole ? recentUpdates(ctx, ids) : [], lastUpdates(ctx, ids)]);
  const filtered = [asked.search, asked.tag, asked.project, asked.status].some((text) => text !== "");
  const warning = project === undefined ? await streamWarning(ctx) : undefined;
  return {
    title: project ?? "Stacks",
    at: "stacks",
    status: problem ? 400 : 200,
    body: (
      <section>
        {project === undefined ? (
          <h1>Stacks</h1>
        ) : (
          <>
            <p>
              <a href={stacksPath(org.name)}>All stacks</a>
            </p>
            <h1>{project}</h1>
          </>
        )}
        {warning}
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {(list.stacks.length > 0 || filtered || at > 1) && (
          <Filters asked={asked} list={list} wrong={problem?.fields ?? {}} alone={project !== undefined} />
        )}
        {list.stacks.length === 0 ? (
          <NoStacks orgName={org.name} project={project ?? "PROJECT"} filtered={filtered || at > 1} />
        ) : (
          <>
            <p class="faint">{countsText(list, filtered, project !== undefined)}</p>
            <PerDay counts={perDay} now={ctx.now} />
            <div class="stacks">
              {asked.sort === "name" && project === undefined ? (
                <ByProject list={list} last={last} orgName={org.name} />
              ) : (
                <Rows
                  caption="Stacks"
                  stacks={list.stacks}
                  last={last}
                  orgName={org.name}
                  names={project === undefined ? "full" : "short"}
                />
              )}
            </div>
          </>
        )}
        <Pages url={page.url} at={at} total={list.total} />
      </section>
    ),
  };
}

/** The name of a tag may contain `:` but no `=`. */
function tagOf(text: string): { tagName?: string; tagValue?: string } {
  const at = text.indexOf("=");
  if (text === "" || at === 0) return {};
  return at < 0 ? { tagName: text } : { tagName: text.slice(0, at), tagValue: text.slice(at + 1) };
}

const plural = (count: number, what: string) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

function countsText({ total, perProject, isCut }: StackList, filtered: boolean, alone: boolean): string {
  if (isCut)
    return `There are more than ${plural(MOST_LISTED, "stack")}. Filters and the order by name look at the ${MOST_LISTED.toLocaleString("en")} that were updated last.`;
  const all = plural(
    [...perProject.values()].reduce((sum, count) => sum + count, 0),
    "stack",
  );
  const where = alone ? "" : ` in ${plural(perProject.size, "project")}`;
  return filtered ? `${total.toLocaleString("en")} of ${all}${where}` : `${all}${where}`;
}

const Filters = ({ asked, list, wrong, alone }: { asked: Asked; list: StackList; wrong: Record<string, string>; alone: boolean }) => (
  <form class="filters" method="get">
    <Field name="search" label="Search" value={asked.search} error={wrong["search"]} placeholder="Project or stack" type="search" />
    {!alone && (
      <>
        <Field name="project" label="Project" value={asked.project} error={wrong["project"]} type="search" list="projects" />
        <datalist id="projects">
          {fill([...list.perProject.keys()].sort(natural.compare), SUGGESTIONS, (name) => pageBytes(name) + 30).shown.map((name) => (
            <option value={name} />
          ))}
        </datalist>
      </>
    )}
    <Field name="tag" label="Tag" value={asked.tag} error={wrong["tagName"]} placeholder="name or name=value" type="search" />
    <Choice name="status" label="Status" value={asked.status} options={statuses} />
    <Choice name="sort" label="Sort by" value={asked.sort} options={orders} />
    <button class="quiet">Filter</button>
  </form>
);

const NoStacks = ({ orgName, project, filtered }: { orgName: string; project: string; filtered: boolean }) => (
  <Empty>
    {filtered ? (
      <p>No stacks match these filters.</p>
    ) : (
      <>
        <p>No stacks yet. Sign in with the CLI, go to your program's folder, and create one:</p>
        <Copyable label="Shell" text={`pulumi stack init ${orgName}/${project}/STACK`} />
      </>
    )}
  </Empty>
);

/** The projects of the page's stacks, which are sorted by project. Each can be folded. */
const ByProject = ({ list, last, orgName }: { list: StackList; last: Map<string, LastUpdate>; orgName: string }) => (
  <>
    {[...Map.groupBy(list.stacks, ({ project }) => project)].map(([project, its]) => (
      <details class="project" open>
        <summary>
          {project} <span class="faint">{plural(list.perProject.get(project) ?? its.length, "stack")}</span>
        </summary>
        <Rows caption={`Stacks of ${project}`} stacks={its} last={last} orgName={orgName} names="short" />
        <p class="hint">
          <a href={projectPath(orgName, project)}>Only {project}</a>
        </p>
      </details>
    ))}
  </>
);

interface RowsProps {
  caption: string;
  stacks: ListedStack[];
  last: Map<string, LastUpdate>;
  orgName: string;
  names: "full" | "short";
}

const Rows = ({ caption, stacks, last, orgName, names }: RowsProps) => (
  <Table caption={caption} head={["Stack", "Status", "Last update", "Commit", "By", <span class="number">Resources</span>]}>
    {stacks.map((stack) => {
      const href = stackPath(orgName, stack.project, stack.name);
      return (
        <tr>
          <th scope="row">
            <a href={href}>{names === "full" ? `${stack.project}/${stack.name}` : stack.name}</a>
          </th>
          <LastUpdateCells stack={stack} href={href} last={last.get(stack.id)} />
          <td class="number">{stack.resourceCount ?? "–"}</td>
        </tr>
      );
    })}
  </Table>
);

/** The status of a stack is the result of its latest update. */
const LastUpdateCells = ({ stack, href, last }: { stack: ListedStack; href: string; last: LastUpdate | undefined }) =>
  last ? (
    <>
      <td>
        <Status status={last.status} />
      </td>
      <td>
        <a href={last.dryRun || last.version === null ? href : updatePath(href, last.version)}>{titleOf(last)}</a>
        <div class="hint">
          <Time at={last.startedAt ?? stack.lastUpdateAt} />
        </div>
      </td>
      <td>
        <CommitCell source={last.source} />
      </td>
      <td>
        <Requester row={last} />
      </td>
    </>
  ) : (
    <>
      <td>
        <span class="faint">no update yet</span>
      </td>
      <td class="faint">–</td>
      <td class="faint">–</td>
      <td class="faint">–</td>
    </>
  );

/** Links to the other pages of the list. The rest of the address stays. */
const Pages = ({ url, at, total }: { url: URL; at: number; total: number }) => {
  const count = Math.ceil(total / PAGE_SIZE);
  if (count <= 1 && at === 1) return <></>;
  const to = (page: number) => {
    const there = new URL(url);
    there.searchParams.set("page", String(page));
    return cut(there.pathname + there.search, 4000);
  };
  return (
    <nav class="pages" aria-label="Pages">
      {at > 1 && <a href={to(Math.min(at - 1, Math.max(count, 1)))}>Previous page</a>}
      {at <= count && (
        <span class="faint">
          Page {at} of {count}
        </span>
      )}
      {at < count && <a href={to(at + 1)}>Next page</a>}
    </nav>
  );
};
