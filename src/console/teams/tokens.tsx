import { createOrgToken } from "../../tokens/create.ts";
import { listOrgTokens } from "../../tokens/list.ts";
import { CreateTeamAccessTokenRequest, ListOrgTokensQuery } from "../../tokens/schema.ts";
import { findTeam } from "../../teams/find.ts";
import { missingIn } from "../../auth/right.ts";
import { requireTeamRight } from "../../teams/right.ts";
import { teamAsMaker, teamAsOwner } from "../../teams/tokens.ts";
import { answering, attempt, readForm, readQuery } from "../attempt.ts";
import { Empty, More, Notice, Table } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { NewTokenFields, newTokenIn } from "../tokens/fields.tsx";
import { deleteConfirmed, deletionView } from "../tokens/remove.tsx";
import { TokenRow } from "../tokens/row.tsx";
import { valueView } from "../tokens/value.tsx";
import { TEAM_PAGE, type TeamContext, mayInTeam, nameIn, teamFor, teamPath, teamView } from "./frame.tsx";

/** Maximum number of rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = "50";

const TOKENS = `${TEAM_PAGE}/tokens` as const;

/** Administrators of the team may open these pages, so the work checks the right when the team is known. */
const permission = "team:list";

export const teamTokenPages = [
  definePage("GET", TOKENS, permission, (ctx) => listView(ctx)),

  definePage("GET", `${TOKENS}/new`, permission, async (ctx) => {
    await requireTeamRight(ctx, await findTeam(ctx, nameIn(ctx)), "team:create_token");
    return creation(ctx, ctx.page.form);
  }),
  definePage("POST", `${TOKENS}/new`, permission, async (ctx) => {
    const { form, hono } = ctx.page;
    const body = readForm(CreateTeamAccessTokenRequest, newTokenIn(form, ctx.now));
    // The right is checked before the form is shown again.
    const owner = await teamAsMaker(ctx, nameIn(ctx), "value" in body ? body.value.expires : undefined);
    if ("problem" in body) return creation(ctx, form, body.problem);
    const made = await attempt(() => createOrgToken(ctx, body.value, "created in the console", owner));
    if ("problem" in made) return creation(ctx, form, made.problem);
    const { id, tokenValue } = made.value;
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name: body.value.name, value: tokenValue });
    return { to: teamPath(ctx, nameIn(ctx), "tokens", id, "value"), said: null };
  }),

  definePage("GET", `${TOKENS}/:tokenId/value`, permission, (ctx) => valueView(ctx, teamPath(ctx, nameIn(ctx), "tokens"), "teams")),

  definePage("GET", `${TOKENS}/:tokenId/delete`, permission, async (ctx) => deletionView(ctx, await placeOf(ctx))),
  definePage("POST", `${TOKENS}/:tokenId/delete`, permission, async (ctx) => deleteConfirmed(ctx, await placeOf(ctx))),
];

async function placeOf(ctx: TeamContext) {
  const list = teamPath(ctx, nameIn(ctx), "tokens");
  return { owner: await teamAsOwner(ctx, nameIn(ctx), "team:delete_token"), list, back: list, at: "teams" as const };
}

async function listView(ctx: TeamContext): Promise<View> {
  const { page } = ctx;
  const owner = await teamAsOwner(ctx, nameIn(ctx), "team:list_tokens");
  const team = await teamFor(ctx);
  const query = { filter: "all", maxResults: PAGE_SIZE, continuationToken: page.query.get("continuationToken") || undefined };
  const { tokens, continuationToken } = await listOrgTokens(ctx, readQuery(ListOrgTokensQuery, query), null, owner);
  const missing = missingIn(ctx, "team:create_token");
  const mayCreate = !missing && mayInTeam(ctx, team, "team:create_token");
  const mayDelete = mayInTeam(ctx, team, "team:delete_token");
  return teamView({
    ctx,
    team,
    at: "tokens",
    title: "Access tokens",
    children: (
      <>
        <div class="heading">
          <p class="faint">Credentials for machines. They have the rights of a member, and the roles and grants of the team.</p>
          {mayCreate && (
            <a class="button" href={teamPath(ctx, team.name, "tokens", "new")}>
              Create token
            </a>
          )}
        </div>
        {missing && <Notice kind="info">{missing.message}</Notice>}
        {tokens.length === 0 ? (
          <Empty>
            <p>This team has no access tokens.</p>
          </Empty>
        ) : (
          <Table
            caption="Access tokens of the team"
            head={["Name", "Created", "Last used", "Expires", "State", ...(mayDelete ? ["Delete"] : [])]}
          >
            {tokens.map((token) => (
              <TokenRow
                now={ctx.now}
                token={token}
                afterState={
                  mayDelete && (
                    <td>
                      <a href={teamPath(ctx, team.name, "tokens", token.id, "delete")} aria-label={`Delete the token ${token.name}`}>
                        Delete…
                      </a>
                    </td>
                  )
                }
              />
            ))}
          </Table>
        )}
        <More url={page.url} continuationToken={continuationToken} />
      </>
    ),
  });
}

function creation(ctx: TeamContext, form: Record<string, string>, problem = ctx.page.problem): View {
  const title = `Create an access token of ${nameIn(ctx)}`;
  return {
    title,
    at: "teams",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p class="faint">It has the rights of a member, and the roles and grants of the team, also those that the team gets later.</p>
        <form method="post">
          <NewTokenFields ctx={ctx} form={form} errors={problem?.fields ?? {}} />
          <p>
            <button>Create token</button> <a href={teamPath(ctx, nameIn(ctx), "tokens")}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}
