import { type RoleSummary, summarizeRoles } from "../../roles/summaries.ts";
import { cut } from "../../http/pageText.ts";
import { assignTeamRole, removeTeamRole } from "../../teams/roles.ts";
import { attempt } from "../attempt.ts";
import { Empty, Table, partOf } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { InShort } from "../roles/opens.tsx";
import { RolePicker, roleChoices } from "../roles/picker.tsx";
import { TEAM_PAGE, type TeamContext, nameIn, teamFor, teamPath, teamView } from "./frame.tsx";

export const teamRolePages = [
  definePage("GET", `${TEAM_PAGE}/roles`, "team:read", (ctx) => view(ctx)),
  definePage("POST", `${TEAM_PAGE}/roles`, "team:update", async (ctx) => {
    const { form } = ctx.page;
    const roleId = form["role"] ?? "";
    const work = () =>
      form["action"] === "remove" ? removeTeamRole(ctx, nameIn(ctx), roleId) : assignTeamRole(ctx, nameIn(ctx), roleId, false);
    const done = await attempt(work, [400, 404]);
    return "problem" in done
      ? view(ctx, done.problem)
      : { to: teamPath(ctx, nameIn(ctx), "roles"), said: "The roles of the team were saved." };
  }),
];

async function view(ctx: TeamContext, problem = ctx.page.problem): Promise<View> {
  const { page } = ctx;
  const team = await teamFor(ctx);
  const mayChange = page.may("team:update") && page.may("role:update");
  const ids = new Set(team.roleIds);
  const roles = (await summarizeRoles(ctx)).filter(({ id }) => ids.has(id));
  const { shown, Parts } = partOf(roles, page.url, "part", 25);
  const choices = mayChange ? (await roleChoices(ctx, [], "built-in")).filter(({ value }) => !ids.has(value)) : [];
  const action = teamPath(ctx, team.name, "roles");
  const Name = ({ role }: { role: RoleSummary }) =>
    page.may("role:read") ? <a href={placePath(ctx.org.name, "roles", role.id)}>{cut(role.name, 150)}</a> : <>{cut(role.name, 150)}</>;
  return teamView({
    ctx,
    team,
    at: "roles",
    title: "Roles",
    problem,
    children: (
      <>
        <p class="faint">Everybody in this team has these roles in addition to their own. So do the team's access tokens.</p>
        {roles.length === 0 ? (
          <Empty>
            <p>This team has no roles.</p>
          </Empty>
        ) : (
          <Table caption="Roles of the team" head={["Role", "It opens", ...(mayChange ? ["Remove"] : [])]}>
            {shown.map((role) => (
              <tr>
                <th scope="row">
                  <Name role={role} />
                </th>
                <td class="opens">
                  <InShort role={role} />
                </td>
                {mayChange && (
                  <td>
                    <form method="post" action={action}>
                      <input type="hidden" name="role" value={role.id} />
                      <button class="quiet" name="action" value="remove" aria-label={`Remove the role ${role.name}`}>
                        Remove
                      </button>
                    </form>
                  </td>
                )}
              </tr>
            ))}
          </Table>
        )}
        <Parts />
        {mayChange && (
          <>
            <h2>Give a role</h2>
            {choices.length === 0 ? (
              <p class="faint">
                There is no other custom role. {page.may("role:create") && <a href={placePath(ctx.org.name, "roles", "new")}>Create one</a>}
              </p>
            ) : (
              <form method="post" action={action} class="narrow">
                <RolePicker name="role" legend="Role" value={page.form["role"]} choices={choices} />
                <button>Give</button>
              </form>
            )}
          </>
        )}
      </>
    ),
  });
}
