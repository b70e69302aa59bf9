import { AppError } from "../../errors.ts";
import { getUpdate } from "../../history/history.ts";
import { exportStack } from "../../stacks/export.ts";
import { getStack } from "../../stacks/get.ts";
import { versionParams } from "../../stacks/params.ts";
import { type StackPath, pathText } from "../../stacks/path.ts";
import { requireAdministrator, restoreVersion } from "../../updates/import.ts";
import { type Problem, attempt, statusOf } from "../attempt.ts";
import { Copyable, Notice, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { comparePath, updatePath } from "../paths.ts";
import { Requester, titleOf } from "./entries.tsx";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";

const RESTORE = `${STACK_PAGE}/restore` as const;

/** A state as a file, and the page that makes an earlier version the stack's next one. */
export const versionPages = [
  definePage("GET", `${STACK_PAGE}/state`, "stack:export", async (ctx) => {
    const path = stackOf(ctx);
    const version = versionOf(ctx.page.query.get("version"));
    const answer = await exportStack(ctx, path, version);
    // A name of a project or stack has only letters, digits and `-_.`.
    answer.headers.set("Content-Disposition", `attachment; filename="${path.projectName}-${path.stackName}-${version}.json"`);
    return answer;
  }),

  definePage("GET", RESTORE, "stack:import", async (ctx) => view(ctx, versionOf(ctx.page.query.get("version")))),

  definePage("POST", RESTORE, "stack:import", async (ctx) => {
    const path = stackOf(ctx);
    const version = versionOf(ctx.page.form["version"]);
    await requireAdministrator(ctx, path);
    const { version: latest } = await getStack(ctx, path);
    if (ctx.page.form["latest"] !== String(latest))
      return view(ctx, version, {
        message: `The stack has a new version since this page was opened. Nothing was restored.`,
        fields: {},
        status: 409,
      });
    const done = await attempt(() => restoreVersion(ctx, path, version));
    if (!("problem" in done)) return { to: pathOf(path), said: `Version ${version} was restored as a new version.` };
    return view(ctx, version, done.problem.status === 409 ? { ...done.problem, message: RUNNING } : done.problem);
  }),
];

const RUNNING = "An update of this stack is in progress, so nothing was restored. Wait until it ends, or cancel it, and try again.";

/** @throws 404 */
function versionOf(text: string | null | undefined): number {
  const version = versionParams.shape.version.safeParse(text ?? "");
  if (!version.success) throw new AppError(404, "There is no such version.");
  return version.data;
}

/** The commands of the CLI that restore a version, for a reader who has the CLI at hand. */
export const RestoreCommands = ({ path, version }: { path: StackPath; version: number }) => (
  <Copyable
    label="With the CLI"
    text={`pulumi stack export --stack ${pathText(path)} --version ${version} --file state.json\npulumi stack import --stack ${pathText(path)} --file state.json`}
  />
);

async function view(ctx: StackPageContext, version: number, problem?: Problem): Promise<View> {
  const path = stackOf(ctx);
  await requireAdministrator(ctx, path);
  const [stack, { row }] = await Promise.all([getStack(ctx, path), getUpdate(ctx, path, version)]);
  const here = pathOf(path);
  const running = stack.currentOperation !== undefined;
  return {
    title: `Restore version ${version} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    status: statusOf(problem),
    body: (
      <StackFrame ctx={ctx} path={path} at={undefined}>
        <h2>Restore version {version}?</h2>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {running && !problem && (
          <Notice kind="warning">An update of this stack is in progress. A version can be restored only when no update runs.</Notice>
        )}
        <dl>
          <dt>Version {version}</dt>
          <dd>
            <a href={updatePath(here, version)}>{titleOf(row)}</a> <Time at={row.startedAt} /> <Requester row={row} />
          </dd>
          <dt>Now</dt>
          <dd>
            Version {stack.version}. <a href={comparePath(here, stack.version, version)}>What this would change</a>
          </dd>
        </dl>
        <ul>
          <li>
            The stack gets version {stack.version + 1}, whose state is that of version {version}. No version is lost.
          </li>
          <li>
            No resource changes. Run <code>pulumi refresh</code> afterwards, so that the state describes what really exists.
          </li>
          <li>The configuration stays as it is.</li>
          <li>The audit log records who restored which version.</li>
        </ul>
        <form method="post" action={`${here}/restore`} class="actions">
          <input type="hidden" name="version" value={String(version)} />
          <input type="hidden" name="latest" value={String(stack.version)} />
          <button class="danger">Restore version {version}</button> <a href={updatePath(here, version)}>Keep the state</a>
        </form>
        <h3>Without this page</h3>
        <RestoreCommands path={path} version={version} />
      </StackFrame>
    ),
  };
}
