import type { StackPath } from "../../stacks/path.ts";
import { versionParams } from "../../stacks/path.ts";
import { AppError } from "../../errors.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { getPreview, getUpdate } from "../../history/history.ts";
import type { FullRow } from "../../history/info.ts";
import type { KeptJournal } from "../../updates/table.ts";
import { type Message, narrate } from "../../history/narrate.ts";
import { outcomeText } from "../../history/summaryText.ts";
import { Badge, Empty, Notice, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { updatePath } from "../paths.ts";
import { CancelLink } from "./cancel.tsx";
import { ResourceChanges } from "./changes.tsx";
import { Config } from "./config.tsx";
import { Requester, Status, durationOf, titleOf } from "./entries.tsx";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";

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
  const { tree, messages, earlier } = await narrate(ctx, path, row);
  const title = titleOf(row);
  const said = <Messages messages={messages} earlier={earlier} />;
  const [version, stack] = [row.version ?? 0, pathOf(path)];
  return {
    title: `${title} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at={undefined}>
        {/* While it runs the script fetches this part again and again; without it, reload. */}
        <div id="progress" data-live={running ? "" : undefined}>
          <h2>
            {title} <Status status={row.status} />
          </h2>
          {row.message && <p>{cut(row.message, 2000)}</p>}
          <dl>
            <dt>Started by</dt>
            <dd>
              <Requester row={row} />
            </dd>
            <dt>Started</dt>
            <dd>
              <Time at={row.startedAt} />
            </dd>
            <dt>Took</dt>
            <dd>{row.startedAt === null ? "–" : durationOf((row.endedAt ?? ctx.now) - row.startedAt)}</dd>
          </dl>
          {running && !row.dryRun && ctx.page.may("stack:cancel_update") && <CancelLink path={path} updateId={row.id} />}
          {row.journalKept && <NotInTheState why={row.journalKept} />}
          {row.status === "failed" && said}
          <ResourceChanges row={row} />
          <h3>Steps</h3>
          {tree === "" ? (
            <p class="faint">{running ? "No resource has changed yet." : "No resource changed."}</p>
          ) : (
            <pre tabindex={0}>{tree.trimEnd()}</pre>
          )}
          {row.status !== "failed" && said}
          {!running && (
            <>
              <h3>Outcome</h3>
              <pre tabindex={0}>{cut(outcomeText(row).trimEnd(), OUTCOME)}</pre>
            </>
          )}
        </div>
        {!row.dryRun && (
          <nav class="pages" aria-label="Updates">
            {version > 1 && <a href={updatePath(stack, version - 1)}>Update {version - 1}</a>}
            {version < latestVersion && <a href={updatePath(stack, version + 1)}>Update {version + 1}</a>}
          </nav>
        )}
        <h3>Configuration</h3>
        <Config text={row.config} />
        <details>
          <summary>Environment</summary>
          <Environment text={row.environment} />
        </details>
      </StackFrame>
    ),
  };
}

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

const Messages = ({ messages, earlier }: { messages: Message[]; earlier: boolean }) => (
  <>
    <h3>Messages</h3>
    {messages.length === 0 ? (
      <p class="faint">No messages.</p>
    ) : (
      <>
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
    )}
  </>
);

/** Maximum number of bytes on the page for the environment, and for the outcome. */
const ENVIRONMENT = 10_000;
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
