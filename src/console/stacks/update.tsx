import { isAdministrator, membershipOf } from "../../auth/policy.ts";
import { AppError } from "../../errors.ts";
import { getPreview, getUpdate } from "../../history/history.ts";
import type { FullRow } from "../../history/info.ts";
import { type Message, type ResourceDiff, narrate } from "../../history/narrate.ts";
import { sourceOf } from "../../history/source.ts";
import { type TreeLine, outcomeText } from "../../history/summaryText.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { versionParams } from "../../stacks/params.ts";
import type { StackPath } from "../../stacks/path.ts";
import type { ConfigText } from "../../updates/config.ts";
import type { KeptJournal } from "../../updates/table.ts";
import { Badge, Empty, Notice, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { comparePath, restorePath, statePath, updatePath } from "../paths.ts";
import { CancelLink } from "./cancel.tsx";
import { ResourceChanges } from "./changes.tsx";
import { Config } from "./config.tsx";
import { Requester, Status, durationOf, titleOf } from "./entries.tsx";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";
import { colorOf } from "./operation.ts";
import { SourceFacts } from "./source.tsx";
import { RestoreCommands } from "./versions.tsx";

export const updatePages = [
  definePage("GET", `${STACK_PAGE}/updates/:version`, "stack:read", async (ctx) => {
    const path = stackOf(ctx);
    const version = versionParams.shape.version.safeParse(ctx.page.params["version"]);
    if (!version.success) throw new AppError(404, "There is no such update.");
    return view(ctx, path, await getUpdate(ctx, path, version.data));
  }),

  definePage("GET", `${STACK_PAGE}/previews/:updateID`, "stack:read", async (ctx) => {
    const path = stackOf(ctx);
    return view(ctx, path, await getPreview(ctx, path, ctx.page.params["updateID"] ?? ""));
  }),
];

interface Found {
  row: FullRow;
  latestVersion: number;
}

async function view(ctx: StackPageContext, path: StackPath, { row, latestVersion }: Found): Promise<View> {
  const running = row.status === "running";
  const version = row.version ?? 0;
  const [told, before] = await Promise.all([narrate(ctx, path, row), configBefore(ctx, path, row)]);
  const title = titleOf(row);
  const source = sourceOf(JSON.parse(row.environment) as Record<string, unknown>);
  const said = <Messages messages={told.messages} earlier={told.earlier} />;
  const stack = pathOf(path);
  return {
    title: `${title} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at={undefined}>
        {!row.dryRun && (
          <nav class="pages" aria-label="Updates">
            {version > 1 && <a href={updatePath(stack, version - 1)}>← Update {version - 1}</a>}
            {version < latestVersion && <a href={updatePath(stack, version + 1)}>Update {version + 1} →</a>}
          </nav>
        )}
        {/* While it runs the script fetches this part again and again; without it, reload. */}
        <div id="progress" data-live={running ? "" : undefined}>
          <h2>
            {title} <Status status={row.status} />
          </h2>
          {row.message && <p class="anywhere">{cut(row.message, 2000)}</p>}
          <dl>
            <dt>Started by</dt>
            <dd>
              <Requester row={row} />
            </dd>
            <SourceFacts source={source} />
            <dt>Started</dt>
            <dd>
              <Time at={row.startedAt} />
            </dd>
            <dt>{running ? "Running for" : "Took"}</dt>
            <dd>{row.startedAt === null ? "–" : durationOf((row.endedAt ?? ctx.now) - row.startedAt)}</dd>
          </dl>
          {running && !row.dryRun && ctx.page.may("stack:cancel_update") && <CancelLink path={path} updateId={row.id} />}
          {row.journalKept && <NotInTheState why={row.journalKept} />}
          {row.status === "failed" && said}
          <ResourceChanges row={row} />
          <h3>Steps</h3>
          {told.tree.length === 0 ? (
            <p class="faint">{running ? "No resource has changed yet." : "No resource changed."}</p>
          ) : (
            <pre tabindex={0}>
              {told.tree.map((line) => (
                <>
                  <Line line={line} />
                  {"\n"}
                </>
              ))}
            </pre>
          )}
          <Differences diffs={told.diffs} more={told.moreDiffs} />
          {row.status !== "failed" && said}
          {!running && (
            <>
              <h3>Outcome</h3>
              <pre tabindex={0}>{cut(outcomeText(row, told.errored).trimEnd(), OUTCOME)}</pre>
            </>
          )}
        </div>
        <h3>Configuration</h3>
        <Config text={row.config} before={before} />
        {!row.dryRun && row.endedAt !== null && <State ctx={ctx} path={path} version={version} latestVersion={latestVersion} />}
        <details>
          <summary>Environment</summary>
          <Environment text={row.environment} />
        </details>
      </StackFrame>
    ),
  };
}

/** The configuration of the previous update, if there is one. A preview is compared with the version that it ran against. */
async function configBefore(ctx: StackPageContext, path: StackPath, { version, dryRun }: FullRow): Promise<ConfigText | undefined> {
  const before = (version ?? 0) - (dryRun ? 0 : 1);
  if (before < 1) return undefined;
  try {
    return (await getUpdate(ctx, path, before)).row.config;
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return undefined;
    throw error;
  }
}

/** The operation's color. A failed one is bad. */
const Line = ({ line: { op, failed, text } }: { line: TreeLine }) => {
  const color = failed ? "bad" : colorOf(op);
  return color ? <b class={color}>{text}</b> : <>{text}</>;
};

const signs = { add: "+", delete: "-", update: "~" } as const;
const colors = { add: "good", delete: "bad", update: "warning" } as const;

/** Above so many resources their differences are folded. */
const MOST_OPEN = 5;

const Differences = ({ diffs, more }: { diffs: ResourceDiff[]; more: number }) =>
  diffs.length === 0 ? (
    <></>
  ) : (
    <>
      <h3>Changed properties</h3>
      {diffs.map(({ op, type, name, properties }) => (
        <details open={diffs.length <= MOST_OPEN}>
          <summary>
            {name} <span class="faint">{type}</span> <Badge kind={colorOf(op) ?? "info"}>{cut(op, 40)}</Badge>
          </summary>
          <pre class="log" tabindex={0}>
            {properties.map(({ path, kind, replaces, before, after }) => (
              <>
                <b class={colors[kind]}>
                  {signs[kind]} {path}
                </b>
                {`: ${[before, after].filter((text) => text !== undefined).join(" => ")}${replaces ? " (replaces)" : ""}\n`}
              </>
            ))}
          </pre>
        </details>
      ))}
      {more > 0 && <p class="faint">and {more} more resources</p>}
    </>
  );

/** Links to compare, download and restore the state after an update. */
const State = ({
  ctx,
  path,
  version,
  latestVersion,
}: {
  ctx: StackPageContext;
  path: StackPath;
  version: number;
  latestVersion: number;
}) => {
  if (!ctx.page.may("stack:export")) return <></>;
  const stack = pathOf(path);
  const mayRestore = version < latestVersion && ctx.page.may("stack:import");
  return (
    <>
      <h3>State of version {version}</h3>
      <p class="actions">
        {version > 1 && <a href={comparePath(stack, version - 1, version)}>Compare with version {version - 1}</a>}
        {version < latestVersion && <a href={comparePath(stack, version, latestVersion)}>Compare with version {latestVersion}</a>}
        <a href={statePath(stack, version)}>Download</a>
        {mayRestore && isAdministrator(membershipOf(ctx)) && <a href={restorePath(stack, version)}>Restore this version</a>}
      </p>
      {mayRestore && (
        <details>
          <summary>Restore it with the CLI</summary>
          <RestoreCommands path={path} version={version} />
        </details>
      )}
    </>
  );
};

const whyKept: Record<KeptJournal, string> = {
  unreadable: "Its journal could not be replayed",
  storage: "The state store did not answer for hours when this update ended",
  canceled: "It was canceled while its end could not be carried out",
};

const NotInTheState = ({ why }: { why: KeptJournal }) => (
  <Notice kind="error">
    The stack has the state from before this update. {whyKept[why]}. The state does not contain the changes of this update. The operator has
    its journal, and can replay it with <code>npm run journal</code>.
  </Notice>
);

const kinds = { info: "info", warning: "warning", error: "bad" } as const;

const Messages = ({ messages, earlier }: { messages: Message[]; earlier: boolean }) =>
  messages.length === 0 ? (
    <></>
  ) : (
    <>
      <h3>Messages</h3>
      {earlier && <p class="faint">Earlier messages are not shown.</p>}
      {messages.map(({ severity, about, text }) => (
        <>
          <p>
            <Badge kind={kinds[severity]}>{severity}</Badge> <strong>{about}</strong>
          </p>
          <pre class="log" tabindex={0}>
            {text}
          </pre>
        </>
      ))}
    </>
  );

/** Maximum number of bytes on the page for the environment, and for the outcome. */
const ENVIRONMENT = 8000;
const OUTCOME = 4000;

/** The environment of the CLI's run: a JSON object of texts (cli-protocol §4.3.1). Links in it are shown as text. */
const Environment = ({ text }: { text: string }) => {
  const entries = Object.entries(JSON.parse(text) as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0)
    return (
      <Empty>
        <p>The client sent no environment.</p>
      </Empty>
    );
  const short = entries.map(([name, value]) => [cut(name, 60), cut(value, 500)] as const);
  const { shown, more } = fill(short, ENVIRONMENT, ([name, value]) => pageBytes(name + value) + 30);
  return (
    <>
      <dl>
        {shown.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value || "–"}</dd>
          </>
        ))}
      </dl>
      {more > 0 && <p class="faint">and {more} more</p>}
    </>
  );
};
