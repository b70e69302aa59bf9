import type { Child } from "hono/jsx";
import { requireRight } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { getTeam } from "../../teams/get.ts";
import { type Problem, answering } from "../attempt.ts";
import { Badge, Notice } from "../components.tsx";
import type { PageInput, View } from "../page.tsx";
import { placePath } from "../paths.ts";

export const TEAM_PAGE = "/:orgName/~/teams/:teamName" as const;
export type TeamContext = OrgContext & { page: PageInput };
export type Team = Awaited<ReturnType<typeof getTeam>>;

export const nameIn = ({ page }: TeamContext) => page.params["teamName"] ?? "";

/** Reads the team for a page. A form that the team's administrators may send needs this right as well when it is shown again. */
export async function teamFor(ctx: TeamContext): Promise<Team> {
  await requireRight(ctx, "team:read");
  return getTeam(ctx, nameIn(ctx));
}

/** Whether the reader may do what administrators of the team may do, and those who have the right on all teams. */
export const mayInTeam = ({ page }: TeamContext, team: Pick<Team, "userRole">, permission: Parameters<PageInput["may"]>[0]) =>
  team.userRole === "admin" || page.may(permission);

export type Part = "" | "stacks" | "roles" | "tokens" | "settings";

const parts: { part: Part; label: string; isShown: (ctx: TeamContext, team: Team) => boolean }[] = [
  { part: "", label: "Members", isShown: () => true },
  { part: "stacks", label: "Stacks", isShown: () => true },
  { part: "roles", label: "Roles", isShown: () => true },
  { part: "tokens", label: "Access tokens", isShown: (ctx, team) => mayInTeam(ctx, team, "team:list_tokens") },
  { part: "settings", label: "Settings", isShown: ({ page }) => page.may("team:update") || page.may("team:delete") },
];

/** The path of a team's page. */
export const teamPath = ({ org }: OrgContext, name: string, part: Part, ...rest: string[]) =>
  placePath(org.name, "teams", name, ...(part === "" ? [] : [part]), ...rest);

interface Props {
  ctx: TeamContext;
  team: Team;
  at: Part;
  title: string;
  problem?: Problem | undefined;
  children: Child;
}

/** A page of a team: its heading and tabs, and the part. */
export const teamView = ({ ctx, team, at, title, problem, children }: Props): View => ({
  title: title ? `${title} of ${team.displayName}` : team.displayName,
  at: "teams",
  ...answering(problem),
  body: (
    <section>
      <p>
        <a href={placePath(ctx.org.name, "teams")}>Teams</a>
      </p>
      <h1>
        {team.displayName === team.name ? team.name : `${team.displayName} (${team.name})`}{" "}
        {team.userRole === "admin" && <Badge kind="info">you are an administrator</Badge>}
        {team.userRole === "member" && <Badge kind="good">you are a member</Badge>}
      </h1>
      {team.description && <p>{team.description}</p>}
      <nav class="tabs" aria-label="Team">
        <ul>
          {parts
            .filter(({ isShown }) => isShown(ctx, team))
            .map(({ part, label }) => (
              <li>
                <a href={teamPath(ctx, team.name, part)} aria-current={part === at ? "page" : undefined}>
                  {label}
                </a>
              </li>
            ))}
        </ul>
      </nav>
      {team.kind === "scim" && (at === "" || at === "settings") && (
        <Notice kind="info">
          This team comes from an identity provider. Its name and its members are changed there, and are read-only here.
        </Notice>
      )}
      {problem && <Notice kind="error">{problem.message}</Notice>}
      {children}
    </section>
  ),
});
