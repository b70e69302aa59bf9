import { requireRight } from "../../auth/right.ts";
import { deleteTeam } from "../../teams/delete.ts";
import { UpdateTeamRequest } from "../../teams/schema.ts";
import { updateTeam } from "../../teams/update.ts";
import { findTeam } from "../../teams/find.ts";
import { listOrgTokens } from "../../tokens/list.ts";
import { answering, attempt, readForm } from "../attempt.ts";
import { Field, Notice } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { TEAM_PAGE, type TeamContext, mayInTeam, nameIn, teamFor, teamPath, teamView } from "./frame.tsx";

export const teamSettingsPages = [
  definePage("GET", `${TEAM_PAGE}/settings`, "team:read", async (ctx) => {
    if (!ctx.page.may("team:delete")) await requireRight(ctx, "team:update");
    return view(ctx);
  }),
  definePage("POST", `${TEAM_PAGE}/settings`, "team:update", async (ctx) => {
    const { form } = ctx.page;
    const body = readForm(UpdateTeamRequest, { newDisplayName: form["displayName"], newDescription: form["description"] });
    const done = "problem" in body ? body : await attempt(() => updateTeam(ctx, nameIn(ctx), body.value));
    return "problem" in done ? view(ctx, done.problem) : { to: teamPath(ctx, nameIn(ctx), ""), said: "The team was saved." };
  }),
  definePage("GET", `${TEAM_PAGE}/delete`, "team:delete", (ctx) => deletion(ctx)),
  definePage("POST", `${TEAM_PAGE}/delete`, "team:delete", async (ctx) => {
    const { name } = await findTeam(ctx, nameIn(ctx));
    if (ctx.page.form["confirmation"] !== name)
      return deletion(ctx, { message: "Nothing was deleted.", fields: { confirmation: "This is not the team's name." } });
    await deleteTeam(ctx, name);
    return { to: placePath(ctx.org.name, "teams"), said: `The team ${name} was deleted.` };
  }),
];

async function view(ctx: TeamContext, problem = ctx.page.problem): Promise<View> {
  const { page } = ctx;
  const team = await teamFor(ctx);
  const errors = problem?.fields ?? {};
  const form = problem ? page.form : { displayName: team.displayName, description: team.description };
  return teamView({
    ctx,
    team,
    at: "settings",
    title: "Settings",
    problem,
    children: (
      <>
        {team.kind !== "scim" && page.may("team:update") && (
          <form method="post" class="narrow">
            <Field
              name="displayName"
              label="Display name"
              value={form["displayName"]}
              error={errors["newDisplayName"]}
              maxlength={100}
              hint={`Shown next to the name ${team.name}, which stays the same.`}
            />
            <Field name="description" label="Description" value={form["description"]} error={errors["newDescription"]} maxlength={1000} />
            <button>Save</button>
          </form>
        )}
        {page.may("team:delete") && (
          <>
            <h2>Delete</h2>
            <a class="button danger" href={placePath(ctx.org.name, "teams", team.name, "delete")}>
              Delete…
            </a>
          </>
        )}
      </>
    ),
  });
}

/** Maximum number of tokens that the page names. */
const MOST_NAMED = 50;

async function tokensOf(ctx: TeamContext, name: string) {
  const { id } = await findTeam(ctx, name);
  return (await listOrgTokens(ctx, { filter: "all", maxResults: MOST_NAMED + 1 }, null, { kind: "team", id, name })).tokens;
}

/** @param tokens undefined for a reader who may not see them */
const Ending = ({ tokens }: { tokens: { name: string }[] | undefined }) => {
  if (!tokens) return <li>All access tokens of the team end, and what uses them stops working.</li>;
  if (tokens.length === 0) return <li>The team has no access tokens.</li>;
  const count = tokens.length > MOST_NAMED ? `More than ${MOST_NAMED}` : String(tokens.length);
  return (
    <li>
      {count} {tokens.length === 1 ? "access token ends" : "access tokens end"}, and what uses {tokens.length === 1 ? "it" : "them"} stops
      working:
      <ul>
        {tokens.slice(0, MOST_NAMED).map(({ name }) => (
          <li>{name}</li>
        ))}
        {tokens.length > MOST_NAMED && <li class="faint">and more</li>}
      </ul>
    </li>
  );
};

/** Says what ends with the team. */
async function deletion(ctx: TeamContext, problem = ctx.page.problem): Promise<View> {
  const team = await teamFor(ctx);
  const tokens = mayInTeam(ctx, team, "team:list_tokens") ? await tokensOf(ctx, team.name) : undefined;
  const count = team.members.length;
  return {
    title: `Delete ${team.name}`,
    at: "teams",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Delete the team {team.name}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p>This takes effect immediately and cannot be undone.</p>
        <ul>
          <li>
            {count === 0
              ? "Nobody is in the team."
              : `${count === 1 ? "1 person loses" : `${count} people lose`} the team's roles and its rights on stacks. They stay in the organization.`}
          </li>
          <Ending tokens={tokens} />
          <li>The stacks stay.</li>
        </ul>
        <form method="post">
          <Field name="confirmation" label={`Type ${team.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
          <button class="danger">Delete</button> <a href={teamPath(ctx, team.name, "settings")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
