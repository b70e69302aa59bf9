import { cut } from "../../http/pageText.ts";
import { createTeam } from "../../teams/create.ts";
import { listTeams } from "../../teams/get.ts";
import { CreateTeamRequest } from "../../teams/schema.ts";
import type { OrgContext } from "../../context.ts";
import { answering, attempt, readForm } from "../attempt.ts";
import { Badge, Empty, Field, Notice, Table, partOf } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

/** A team may have the name `new`, so this page is not below the teams. */
const NEW = "/:orgName/~/new-team" as const;
type Context = OrgContext & { page: PageInput };

export const teamListPages = [
  definePage("GET", "/:orgName/~/teams", "team:list", async (ctx) => {
    const { page, org } = ctx;
    const { teams } = await listTeams(ctx);
    const { shown, Parts } = partOf(teams, page.url);
    const mayCreate = page.may("team:create");
    return {
      title: "Teams",
      at: "teams",
      body: (
        <section>
          <div class="heading">
            <h1>Teams</h1>
            {mayCreate && (
              <a class="button" href={placePath(org.name, "new-team")}>
                Create team
              </a>
            )}
          </div>
          <p class="faint">Everybody in a team has the roles of the team and its rights on stacks. So do the team's access tokens.</p>
          {teams.length === 0 ? (
            <Empty>
              <p>No teams yet. With teams, people get rights on stacks together.</p>
              {mayCreate && <a href={placePath(org.name, "new-team")}>Create the first team</a>}
            </Empty>
          ) : (
            <Table caption="Teams" head={["Team", "Description", "You"]}>
              {shown.map((team) => (
                <tr>
                  <th scope="row">
                    {page.may("team:read") ? (
                      <a href={placePath(org.name, "teams", team.name)}>{cut(team.displayName, 150)}</a>
                    ) : (
                      cut(team.displayName, 150)
                    )}
                    {team.displayName !== team.name && <div class="hint">{team.name}</div>}
                  </th>
                  <td>
                    {cut(team.description, 300)}
                    {team.kind === "scim" && (
                      <div class="hint">
                        <Badge>from an identity provider</Badge>
                      </div>
                    )}
                  </td>
                  <td>
                    {team.userRole === "admin" ? (
                      <Badge kind="info">administrator</Badge>
                    ) : team.userRole === "member" ? (
                      <Badge kind="good">member</Badge>
                    ) : (
                      <span class="faint">–</span>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )}
          <Parts />
        </section>
      ),
    };
  }),

  definePage("GET", NEW, "team:create", async (ctx) => creation(ctx)),
  definePage("POST", NEW, "team:create", async (ctx) => {
    const { form } = ctx.page;
    const body = readForm(CreateTeamRequest, {
      name: form["name"]?.trim(),
      displayName: form["displayName"]?.trim(),
      description: form["description"],
    });
    const made = "problem" in body ? body : await attempt(() => createTeam(ctx, body.value), [400, 409]);
    return "problem" in made
      ? creation(ctx, made.problem)
      : { to: placePath(ctx.org.name, "teams", made.value.name), said: `The team ${made.value.name} was created.` };
  }),
];

function creation({ page, org }: Context, problem = page.problem): View {
  const { form } = page;
  const errors = problem?.fields ?? {};
  return {
    title: "Create a team",
    at: "teams",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Create a team</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post">
          <Field
            name="name"
            label="Name"
            value={form["name"]}
            error={errors["name"]}
            required
            maxlength={100}
            pattern="[A-Za-z0-9_.\-]{1,100}"
            complaint="Letters, digits, hyphens, underscores and dots; at most 100."
            hint="The name is permanent. The API and the CLI use it."
            autofocus
          />
          <Field
            name="displayName"
            label="Display name"
            value={form["displayName"]}
            error={errors["displayName"]}
            maxlength={100}
            hint="Leave empty to show the name."
          />
          <Field name="description" label="Description" value={form["description"]} error={errors["description"]} maxlength={1000} />
          <p class="faint">You become the first member and the administrator of the team.</p>
          <button>Create team</button> <a href={placePath(org.name, "teams")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
