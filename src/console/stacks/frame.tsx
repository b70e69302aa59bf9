import type { Child } from "hono/jsx";
import type { OrgContext } from "../../context.ts";
import { AppError } from "../../errors.ts";
import { stackParams } from "../../stacks/params.ts";
import type { StackPath } from "../../stacks/path.ts";
import type { PageInput } from "../page.tsx";
import { projectPath, stackPath } from "../paths.ts";

export const STACK_PAGE = "/:orgName/:projectName/:stackName" as const;

export type StackPageContext = OrgContext & { page: PageInput };

/** The stack that the page's path names. @throws 404 for an invalid name */
export function stackOf(ctx: StackPageContext): StackPath {
  const path = stackParams.safeParse(ctx.page.params);
  if (!path.success) throw new AppError(404, "There is no such stack.");
  return path.data;
}

export const pathOf = (path: StackPath) => stackPath(path.orgName, path.projectName, path.stackName);

type Part = "" | "outputs" | "resources" | "access" | "webhooks" | "settings/options";
const parts: { part: Part; label: string; needs: "stack:read" | "stack:export" | "stack_access:read" | "stack_webhook:read" }[] = [
  { part: "", label: "Overview", needs: "stack:read" },
  { part: "outputs", label: "Outputs", needs: "stack:export" },
  { part: "resources", label: "Resources", needs: "stack:export" },
  { part: "access", label: "Access", needs: "stack_access:read" },
  { part: "webhooks", label: "Webhooks", needs: "stack_webhook:read" },
  { part: "settings/options", label: "Settings", needs: "stack:read" },
];

/** The heading and tabs of every page of a stack. */
export const StackFrame = ({
  ctx,
  path,
  at,
  children,
}: {
  ctx: StackPageContext;
  path: StackPath;
  at: Part | undefined;
  children: Child;
}) => (
  <section>
    <p>
      <a href={projectPath(path.orgName, path.projectName)}>{path.projectName}</a>
    </p>
    <h1>{path.stackName}</h1>
    <nav class="tabs" aria-label="Stack">
      <ul>
        {parts
          .filter(({ needs }) => ctx.page.may(needs))
          .map(({ part, label }) => (
            <li>
              <a href={part === "" ? pathOf(path) : `${pathOf(path)}/${part}`} aria-current={part === at ? "page" : undefined}>
                {label}
              </a>
            </li>
          ))}
      </ul>
    </nav>
    {children}
  </section>
);
