import type { StackPath } from "../../stacks/path.ts";
import { cancelUpdate } from "../../updates/cancel.ts";
import { type Problem, attempt } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";

const HERE = `${STACK_PAGE}/cancel` as const;

/**
 * A canceled update can leave resources behind, so a second page asks for confirmation. The page of a running update cannot ask, because it is
 * drawn again and again.
 */
export const CancelLink = ({ path, updateId }: { path: StackPath; updateId: string }) => (
  <p>
    <a class="button danger" href={`${pathOf(path)}/cancel?updateID=${encodeURIComponent(updateId)}`}>
      Cancel update
    </a>
  </p>
);

/** The page cancels the update that its link named, not one that started later. */
export const cancelPages = [
  definePage("GET", HERE, "stack:cancel_update", async (ctx) => view(ctx, ctx.page.query.get("updateID") ?? "")),

  definePage("POST", HERE, "stack:cancel_update", async (ctx) => {
    const path = stackOf(ctx);
    const updateId = ctx.page.form["updateID"] ?? "";
    const done = await attempt(() => cancelUpdate(ctx, path, updateId));
    return "problem" in done ? view(ctx, updateId, done.problem) : { to: pathOf(path), said: "The update was canceled." };
  }),
];

function view(ctx: StackPageContext, updateId: string, problem?: Problem): View {
  const path = stackOf(ctx);
  return {
    title: `Cancel an update of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    status: problem ? 409 : 200,
    body: (
      <StackFrame ctx={ctx} path={path} at={undefined}>
        <h2>Cancel the running update?</h2>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <ul>
          <li>The CLI that runs it gets an error at its next call.</li>
          <li>What it has already changed stays changed, and the state keeps what it has reported so far.</li>
          <li>
            Resources that it is changing now may be left in a pending state. Run <code>pulumi refresh</code> afterwards.
          </li>
        </ul>
        <form method="post" action={`${pathOf(path)}/cancel`}>
          <input type="hidden" name="updateID" value={updateId} />
          <button class="danger">Cancel update</button> <a href={pathOf(path)}>Let it run</a>
        </form>
      </StackFrame>
    ),
  };
}
