import type { Child } from "hono/jsx";
import { type Problem, statusOf } from "../attempt.ts";
import { Notice } from "../components.tsx";
import type { View } from "../page.tsx";
import { StackFrame } from "../stacks/frame.tsx";
import { type HookContext, listPath, placeIn } from "./place.ts";

interface Props {
  ctx: HookContext;
  title: string;
  /** Whether the page is the list, which needs no link to it. */
  isList?: boolean;
  problem?: Problem | undefined;
  children: Child;
}

/** A page about webhooks of the organization, or of a stack with the stack's heading and tabs. */
export function hookView({ ctx, title, isList = false, problem, children }: Props): View {
  const place = placeIn(ctx);
  const content = (
    <>
      {!isList && (
        <p>
          <a href={listPath(ctx)}>Webhooks</a>
        </p>
      )}
      {problem && <Notice kind="error">{problem.message}</Notice>}
      {children}
    </>
  );
  return {
    title: place ? `${title} · ${place.projectName}/${place.stackName}` : title,
    at: place ? "stacks" : "settings",
    status: statusOf(problem),
    body: place ? (
      <StackFrame ctx={ctx} path={{ ...place, orgName: ctx.org.name }} at="webhooks">
        {content}
      </StackFrame>
    ) : (
      <section>{content}</section>
    ),
  };
}

/** The heading of a page. A page of a stack already has a heading above its tabs, so this one is a level lower. */
export const Heading = ({ ctx, children }: { ctx: HookContext; children: Child }) =>
  placeIn(ctx) ? <h2>{children}</h2> : <h1>{children}</h1>;
