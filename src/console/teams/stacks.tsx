import { firstStackNames } from "../../stacks/names.ts";
import { UpdateTeamRequest } from "../../teams/schema.ts";
import { updateTeam } from "../../teams/update.ts";
import { attempt, readForm } from "../attempt.ts";
import { Choice, Empty, Field, Table, partOf } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { stackPath } from "../paths.ts";
import { TEAM_PAGE, type Team, type TeamContext, mayInTeam, nameIn, teamFor, teamPath, teamView } from "./frame.tsx";

/** The words for the rights of a grant on its stack. 104 is the grant of the stack's creator, and nobody can give it. */
const permissions: Record<Team["stacks"][number]["permission"], string> = {
  101: "Read: see, export, decrypt and preview",
  102: "Write: also update and import",
  103: "Admin: also rename, delete and manage access",
  104: "Creator: the same as Admin",
};
const given = [101, 102, 103] as const;

/** Maximum number of stacks that the browser suggests while somebody types. */
const MOST_SUGGESTED = 100;

export const teamStackPages = [
  definePage("GET", `${TEAM_PAGE}/stacks`, "team:read", (ctx) => view(ctx)),
  // Administrators of the team may send this form, so the work checks the right when the team is known.
  definePage("POST", `${TEAM_PAGE}/stacks`, "team:list", async (ctx) => {
    const { form } = ctx.page;
    const [projectName, stackName, ...rest] = (form["stack"] ?? "").trim().split("/");
    if (stackName === undefined || rest.length > 0)
      return view(ctx, { message: "Please correct the marked fields.", fields: { stack: "Enter project/stack." } });
    const isRemoval = form["action"] === "remove";
    const body = readForm(
      UpdateTeamRequest,
      isRemoval
        ? { removeStack: { projectName, stackName } }
        : { addStackPermission: { projectName, stackName, permission: Number(form["permission"]) } },
    );
    if ("problem" in body) {
      const [fault] = Object.values(body.problem.fields);
      return view(ctx, { ...body.problem, fields: { stack: fault ?? "" } });
    }
    const done = await attempt(() => updateTeam(ctx, nameIn(ctx), body.value), [400, 404]);
    if ("problem" in done) return view(ctx, done.problem);
    const stack = `${projectName}/${stackName}`;
    return {
      to: teamPath(ctx, nameIn(ctx), "stacks"),
      said: isRemoval ? `The team's right to ${stack} was removed.` : `The team's right to ${stack} was saved.`,
    };
  }),
];

async function view(ctx: TeamContext, problem = ctx.page.problem): Promise<View> {
  const team = await teamFor(ctx);
  const { form, url } = ctx.page;
  const mayChange = mayInTeam(ctx, team, "team:update");
  const { shown, Parts } = partOf(team.stacks, url);
  const suggested = mayChange ? await firstStackNames(ctx, MOST_SUGGESTED) : [];
  const action = teamPath(ctx, team.name, "stacks");
  return teamView({
    ctx,
    team,
    at: "stacks",
    title: "Stacks",
    problem,
    children: (
      <>
        <p class="faint">The stacks on which everybody in this team has rights. You see those that you may know.</p>
        {team.stacks.length === 0 ? (
          <Empty>
            <p>This team has no rights on single stacks.</p>
          </Empty>
        ) : (
          <Table caption="Stacks of the team" head={["Stack", "Permission", ...(mayChange ? ["Remove"] : [])]}>
            {shown.map(({ projectName, stackName, permission }) => (
              <tr>
                <th scope="row">
                  <a href={stackPath(ctx.org.name, projectName, stackName)}>
                    {projectName}/{stackName}
                  </a>
                </th>
                <td class="opens">{permissions[permission]}</td>
                {mayChange && (
                  <td>
                    <form method="post" action={action}>
                      <input type="hidden" name="stack" value={`${projectName}/${stackName}`} />
                      <button class="quiet" name="action" value="remove" aria-label={`Remove ${projectName}/${stackName}`}>
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
            <h2>Give rights on a stack</h2>
            <form method="post" action={action} class="narrow">
              <Field
                name="stack"
                label="Stack"
                value={form["action"] === "remove" ? "" : form["stack"]}
                error={problem?.fields["stack"]}
                required
                list="stacks"
                placeholder="project/stack"
                hint="For a stack of the list above, this changes the permission."
              />
              <datalist id="stacks">
                {suggested.map((name) => (
                  <option value={name} />
                ))}
              </datalist>
              <Choice
                name="permission"
                label="Permission"
                value={form["permission"] ?? "101"}
                options={given.map((permission) => [String(permission), permissions[permission]] as const)}
              />
              <button>Give</button>
            </form>
          </>
        )}
      </>
    ),
  });
}
