import { cut } from "../../http/pageText.ts";
import { listMembers } from "../../orgs/members.ts";
import { UpdateTeamRequest } from "../../teams/schema.ts";
import { updateTeam } from "../../teams/update.ts";
import { attempt, readForm } from "../attempt.ts";
import { Badge, Empty, Field, Table, partOf } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { TEAM_PAGE, type Team, type TeamContext, mayInTeam, nameIn, teamFor, teamPath, teamView } from "./frame.tsx";

export const teamMemberPages = [
  definePage("GET", TEAM_PAGE, "team:read", (ctx) => view(ctx)),
  // Administrators of the team may send this form, so the work checks the right when the team is known.
  definePage("POST", `${TEAM_PAGE}/members`, "team:list", async (ctx) => {
    const { form } = ctx.page;
    const body = readForm(UpdateTeamRequest, { member: form["login"]?.trim(), memberAction: form["action"] });
    const done = "problem" in body ? body : await attempt(() => updateTeam(ctx, nameIn(ctx), body.value), [400, 404, 409]);
    return "problem" in done
      ? view(ctx, done.problem)
      : { to: teamPath(ctx, nameIn(ctx), ""), said: `The members of the team were changed: ${form["login"]?.trim()}.` };
  }),
];

async function view(ctx: TeamContext, problem = ctx.page.problem): Promise<View> {
  const team = await teamFor(ctx);
  const mayChange = team.kind !== "scim" && mayInTeam(ctx, team, "team:update");
  const { shown, Parts } = partOf(team.members, ctx.page.url);
  const inTeam = new Set(team.members.map(({ githubLogin }) => githubLogin));
  const { members } = mayChange ? await listMembers(ctx, undefined) : { members: [] };
  return teamView({
    ctx,
    team,
    at: "",
    title: "",
    problem,
    children: (
      <>
        {team.members.length === 0 ? (
          <Empty>
            <p>Nobody is in this team.</p>
          </Empty>
        ) : (
          <Table caption="Members of the team" head={["Person", "In the team", ...(mayChange ? ["Change"] : [])]}>
            {shown.map((member) => (
              <Row ctx={ctx} team={team} member={member} mayChange={mayChange} />
            ))}
          </Table>
        )}
        <Parts />
        {mayChange && (
          <>
            <h2>Add a member</h2>
            <form method="post" action={teamPath(ctx, team.name, "", "members")} class="narrow">
              <input type="hidden" name="action" value="add" />
              <Field
                name="login"
                label="Login"
                value={ctx.page.form["action"] === "add" ? ctx.page.form["login"] : ""}
                error={problem?.fields["member"]}
                required
                list="people"
                hint="Login of a member of the organization"
              />
              <datalist id="people">
                {members
                  .filter(({ user }) => !inTeam.has(user.githubLogin))
                  .map(({ user }) => (
                    <option value={user.githubLogin} />
                  ))}
              </datalist>
              <button>Add</button>
            </form>
          </>
        )}
      </>
    ),
  });
}

interface RowProps {
  ctx: TeamContext;
  team: Team;
  member: Team["members"][number];
  mayChange: boolean;
}

const Row = ({ ctx, team, member: { githubLogin: login, name, role }, mayChange }: RowProps) => (
  <tr>
    <th scope="row">
      {login}
      {name && name !== login && <div class="hint">{cut(name, 100)}</div>}
    </th>
    <td>{role === "admin" ? <Badge kind="info">administrator</Badge> : "member"}</td>
    {mayChange && (
      <td>
        <form method="post" action={teamPath(ctx, team.name, "", "members")} class="buttons">
          <input type="hidden" name="login" value={login} />
          <button
            class="quiet"
            name="action"
            value={role === "admin" ? "demote" : "promote"}
            aria-label={role === "admin" ? `Make plain member: ${login}` : `Make administrator: ${login}`}
          >
            {role === "admin" ? "Make plain member" : "Make administrator"}
          </button>
          <button class="quiet" name="action" value="remove" aria-label={`Remove ${login} from the team`}>
            Remove
          </button>
        </form>
      </td>
    )}
  </tr>
);
