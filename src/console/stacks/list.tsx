import type { OrgContext } from "../../context.ts";
import { AppError } from "../../errors.ts";
import { projectName } from "../../http/names.ts";
import { projectExists } from "../../stacks/get.ts";
import { listUserStacks } from "../../stacks/list.ts";
import { ListUserStacksQuery } from "../../stacks/schema.ts";
import { type LastUpdate, lastUpdates } from "../../history/lastUpdates.ts";
import { Copyable, Empty, Field, More, Notice, Table, Time } from "../components.tsx";
import { readForm } from "../attempt.ts";
import { natural } from "../natural.ts";
import { type PageInput, type View, definePage } from "../page.tsx";
import { projectPath, stackPath, stacksPath, updatePath } from "../paths.ts";
import { Requester, Status, titleOf } from "./entries.tsx";
import { streamWarning } from "../streams/warning.tsx";
import { PerDay, recentUpdates } from "./perDay.tsx";

type Listed = Awaited<ReturnType<typeof listUserStacks>>["stacks"][number];

/** Rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = "80";

export const stackListPages = [
  definePage("GET", "/:orgName/~/stacks", "stack:list", (ctx) => view(ctx, undefined)),

  definePage("GET", "/:orgName/:projectName", "stack:list", async (ctx) => {
    const project = projectName.safeParse(ctx.page.params["projectName"]);
    if (!project.success || !(await projectExists(ctx, project.data))) throw new AppError(404, "There is no such project.");
    return view(ctx, project.data);
  }),
];

async function view(ctx: OrgContext & { page: PageInput }, project: string | undefined): Promise<View> {
  const { page, org } = ctx;
  const asked = { search: page.query.get("search") ?? "", tag: page.query.get("tag") ?? "" };
  const query = readForm(ListUserStacksQuery, {
    organization: org.name,
    project,
    search: asked.search || undefined,
    ...tagOf(asked.tag),
    maxResults: PAGE_SIZE,
    continuationToken: page.query.get("continuationToken") || undefined,
  });
  const problem = "problem" in query ? query.problem : undefined;
  const { stacks, continuationToken } =
    "value" in query ? await listUserStacks(ctx, query.value) : { stacks: [] as Listed[], continuationToken: undefined };
  const ids = stacks.map(({ id }) => id);
  const [perDay, last] = await Promise.all([recentUpdates(ctx, ids), lastUpdates(ctx, ids)]);
  const filtered = asked.search !== "" || asked.tag !== "";
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
        {(stacks.length > 0 || filtered) && (
          <form class="filters" method="get">
            <Field
              name="search"
              label="Search"
              value={asked.search}
              error={problem?.fields["search"]}
              placeholder="Project or stack"
              type="search"
            />
            <Field name="tag" label="Tag" value={asked.tag} placeholder="name or name=value" type="search" />
            <button class="quiet">Filter</button>
          </form>
        )}
        {stacks.length === 0 ? (
          <NoStacks orgName={org.name} project={project ?? "PROJECT"} filtered={filtered} />
        ) : (
          <>
            <PerDay counts={perDay} now={ctx.now} />
            <Stacks stacks={stacks} last={last} orgName={org.name} alone={project !== undefined} />
          </>
        )}
        <More url={page.url} continuationToken={continuationToken} />
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

interface StacksProps {
  stacks: Listed[];
  last: Map<string, LastUpdate>;
  orgName: string;
  alone: boolean;
}

/** Groups the stacks by project; they are sorted by it. */
const Stacks = ({ stacks, last, orgName, alone }: StacksProps) => (
  <div class="stacks">
    {[...Map.groupBy(stacks, (stack) => stack.projectName)].map(([project, its]) => (
      <>
        {!alone && (
          <h2>
            <a href={projectPath(orgName, project)}>{project}</a>
          </h2>
        )}
        <Table caption={`Stacks of ${project}`} head={["Stack", "State", "Last update", "By", "Resources"]}>
          {its
            .toSorted((a, b) => natural.compare(a.stackName, b.stackName))
            .map((stack) => (
              <tr>
                <th scope="row">
                  <a href={stackPath(orgName, project, stack.stackName)}>{stack.stackName}</a>
                </th>
                <LastUpdateCells stack={stack} href={stackPath(orgName, project, stack.stackName)} last={last.get(stack.id)} />
                <td class="number">{stack.resourceCount ?? "–"}</td>
              </tr>
            ))}
        </Table>
      </>
    ))}
  </div>
);

/** The state of a stack is the result of its latest update. */
const LastUpdateCells = ({ stack, href, last }: { stack: Listed; href: string; last: LastUpdate | undefined }) => (
  <>
    <td>{last ? <Status status={last.status} /> : <span class="faint">no update yet</span>}</td>
    <td>
      {last && <a href={last.dryRun || last.version === null ? href : updatePath(href, last.version)}>{titleOf(last)}</a>}
      {stack.lastUpdate !== undefined && stack.lastUpdate > 0 && (
        <div class="hint">
          <Time at={stack.lastUpdate * 1000} />
        </div>
      )}
    </td>
    <td>{last && <Requester row={last} />}</td>
  </>
);
