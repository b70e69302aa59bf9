import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { StackReferences } from "../../stacks/openapi.ts";
import { getStack } from "../../stacks/get.ts";
import type { StackPath } from "../../stacks/path.ts";
import { listDownstreamReferences, listUpstreamReferences } from "../../stacks/references.ts";
import { findActivity, findUpdates } from "../../history/history.ts";
import type { UpdateRow } from "../../history/info.ts";
import { lastUpdates } from "../../history/lastUpdates.ts";
import { getStackResourceCount } from "../../stacks/resources.ts";
import { type ConfigText, withConfig } from "../../updates/config.ts";
import { auditPath } from "../audit/query.ts";
import { Copyable, Empty, Time, pageIn } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { stackPath, updatePath } from "../paths.ts";
import { CancelLink } from "./cancel.tsx";
import { Config } from "./config.tsx";
import { EntryTable, Requester, Status, titleOf } from "./entries.tsx";
import { SourceFacts } from "./source.tsx";
import { PerDay, recentUpdates } from "./perDay.tsx";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";

const ENTRIES = 20;
const REFERENCES = 25;
/** Maximum number of bytes on the page for the tags. */
const TAGS = 10_000;

export const stackPages = [definePage("GET", STACK_PAGE, "stack:read", (ctx) => view(ctx, stackOf(ctx)))];

async function view(ctx: StackPageContext, path: StackPath): Promise<View> {
  const page = pageIn(ctx.page.query);
  const [stack, { rows, total }, upstream, downstream] = await Promise.all([
    getStack(ctx, path),
    findActivity(ctx, path, { page, pageSize: ENTRIES }),
    listUpstreamReferences(ctx, path),
    listDownstreamReferences(ctx, path),
  ]);
  const [perDay, lasts, { resourceCount }, configs] = await Promise.all([
    recentUpdates(ctx, [stack.id]),
    lastUpdates(ctx, [stack.id]),
    getStackResourceCount(ctx, path),
    newestConfigs(ctx, path, stack.version),
  ]);
  const last = lasts.get(stack.id);
  const entries: UpdateRow[] = [];
  for await (const row of rows) entries.push(row);
  const running = stack.currentOperation;
  const mayCompare = stack.version > 1 && ctx.page.may("stack:export");
  const mayReadLog = ctx.page.may("audit_logs:read");
  const tags = fill(Object.entries(stack.tags), TAGS, ([name, value]) => pageBytes(name + value) + 30);
  return {
    title: `${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="">
        <dl>
          <dt>Status</dt>
          <dd>
            {last ? (
              <>
                <Status status={last.status} /> <a href={updatePath(pathOf(path), last.version ?? stack.version)}>{titleOf(last)}</a>{" "}
                <Time at={last.startedAt} />
              </>
            ) : (
              <span class="faint">no update yet</span>
            )}
          </dd>
          {last && (
            <>
              <dt>Last update by</dt>
              <dd>
                <Requester row={last} />
              </dd>
              <SourceFacts source={last.source} />
            </>
          )}
          <dt>Version</dt>
          <dd>{stack.version}</dd>
          <dt>Resources</dt>
          <dd>{resourceCount}</dd>
        </dl>
        {running && (
          <div class="notice info">
            <p>
              <span class="running">In progress</span>: {running.kind} by {running.author}, since <Time at={running.started * 1000} />.
            </p>
            {ctx.page.may("stack:cancel_update") && <CancelLink path={path} updateId={stack.activeUpdate} />}
          </div>
        )}
        <h2>History</h2>
        {entries.length === 0 ? (
          <Empty>
            <p>No updates yet.</p>
            <Copyable label="Shell" text={`pulumi up --stack ${path.orgName}/${path.projectName}/${path.stackName}`} />
          </Empty>
        ) : (
          <>
            {page === 1 && <PerDay counts={perDay} now={ctx.now} />}
            <EntryTable stack={pathOf(path)} rows={entries} />
          </>
        )}
        {page === 1 && (mayCompare || mayReadLog) && (
          <p class="actions">
            {mayCompare && <a href={`${pathOf(path)}/compare`}>Compare two versions</a>}
            {mayReadLog && (
              <a href={auditPath(ctx.org.name, { stackFilter: `${path.projectName}/${path.stackName}` })}>Events in the audit log</a>
            )}
          </p>
        )}
        <nav class="pages" aria-label="Pages">
          {page > 1 && <a href={`${pathOf(path)}?page=${page - 1}`}>Newer</a>}
          {page * ENTRIES < total && <a href={`${pathOf(path)}?page=${page + 1}`}>Older</a>}
        </nav>
        {page === 1 && configs.now !== undefined && (
          <>
            <h2>Configuration</h2>
            <Config text={configs.now} before={configs.before} />
          </>
        )}
        {tags.shown.length > 0 && (
          <>
            <h2>Tags</h2>
            <dl>
              {tags.shown.map(([name, value]) => (
                <>
                  <dt>{name}</dt>
                  <dd>{value || "–"}</dd>
                </>
              ))}
            </dl>
            {tags.more > 0 && <p class="faint">and {tags.more} more: pulumi stack tag ls</p>}
          </>
        )}
        <References title="Reads outputs of" {...upstream} />
        <References title="Outputs read by" {...downstream} />
      </StackFrame>
    ),
  };
}

/** The configuration of the newest version and of the one before it, as far as there are any. */
async function newestConfigs(ctx: StackPageContext, path: StackPath, version: number): Promise<{ now?: ConfigText; before?: ConfigText }> {
  if (version === 0) return {};
  const { rows } = await findUpdates(ctx, path, 2);
  const configs: ConfigText[] = [];
  for await (const row of rows) configs.push((await withConfig(ctx.env.STATE, row)).config);
  const [now, before] = configs;
  return { ...(now !== undefined && { now }), ...(before !== undefined && { before }) };
}

const References = ({ title, referencedStacks }: { title: string } & StackReferences) =>
  referencedStacks.length === 0 ? null : (
    <>
      <h2>{title}</h2>
      <ul>
        {referencedStacks.slice(0, REFERENCES).map(({ organization, routingProject, name }) => (
          <li>
            <a href={stackPath(organization, routingProject, name)}>{cut(`${organization}/${routingProject}/${name}`, 300)}</a>
          </li>
        ))}
        {referencedStacks.length > REFERENCES && <li class="faint">and {referencedStacks.length - REFERENCES} more</li>}
      </ul>
    </>
  );
