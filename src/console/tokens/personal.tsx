import type { PersonContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { createPersonalToken } from "../../tokens/create.ts";
import { deletePersonalToken } from "../../tokens/delete.ts";
import { listPersonalTokens } from "../../tokens/list.ts";
import { CreatePersonalAccessTokenRequest, ListTokensQuery } from "../../tokens/schema.ts";
import { getPersonalImpact } from "../../tokens/impact.ts";
import { revokePersonalToken } from "../../tokens/revoke.ts";
import { answering, attempt, readForm, readQuery } from "../attempt.ts";
import { Copyable, Empty, Field, More, Notice, Table, Time } from "../components.tsx";
import { keepOnce, takeOnce } from "../once.ts";
import { type PageInput, type View, defineOwnPage } from "../page.tsx";
import { SESSIONS } from "../sessions.tsx";
import { Created, EndButtons, endedView } from "./created.tsx";
import { ExpiryFields, expiresOf } from "./expiry.tsx";
import { LastUse } from "./lastUse.tsx";
import { Near, State } from "./row.tsx";

const HERE = "/user/settings/tokens";
type Context = PersonContext & { page: PageInput };

/** The pages of a person's own tokens. */
export const personalPages = [
  defineOwnPage("GET", HERE, "person", (ctx) => view(ctx, ctx.page.form)),
  defineOwnPage("POST", HERE, "person", async (ctx) => {
    const { form, hono } = ctx.page;
    const body = readForm(CreatePersonalAccessTokenRequest, { description: form["description"], expires: expiresOf(form, ctx.now) });
    const made = "problem" in body ? body : await attempt(() => createPersonalToken(ctx, body.value));
    if ("problem" in made) return view(ctx, form, made.problem);
    await keepOnce(ctx, hono, ctx.actor.token.id, { id: made.value.id, name: form["description"] ?? "", value: made.value.tokenValue });
    return { to: `${HERE}/value`, said: null };
  }),
  defineOwnPage("GET", `${HERE}/value`, "person", async (ctx) => {
    const shown = await takeOnce(ctx, ctx.page.hono, ctx.actor.token.id);
    return {
      title: "Personal access token",
      body: (
        <section class="narrow">
          <h1>Personal access token</h1>
          {shown ? (
            <>
              <Notice kind="warning">Copy the value now. It is shown only once and cannot be retrieved later.</Notice>
              <Copyable label="Value" text={shown.value} />
            </>
          ) : (
            <p>A token's value is shown once, right after its creation, and is not stored.</p>
          )}
          <a href={HERE}>Your tokens</a>
        </section>
      ),
    };
  }),
  defineOwnPage("GET", `${HERE}/:tokenId/delete`, "person", async (ctx) => {
    const id = ctx.page.params["tokenId"] ?? "";
    const impact = await getPersonalImpact(ctx, id);
    return {
      title: "Delete an access token",
      body: (
        <section>
          <h1>Delete your token {id.slice(0, 8)}?</h1>
          <p>
            This takes effect immediately and cannot be undone. Everything created with the token is kept, unless you delete that as well.
          </p>
          <dl>
            <dt>Last used</dt>
            <dd>
              <LastUse token={impact} />
            </dd>
            <dt>Running now</dt>
            <dd>
              {impact.runningUpdates.length === 0
                ? "nothing"
                : impact.runningUpdates.map(({ orgName, projectName, stackName, kind }) => (
                    <div>
                      {kind} of {orgName}/{projectName}/{stackName}
                    </div>
                  ))}
            </dd>
          </dl>
          <Created created={impact.created} withOrg />
          <form method="post" class="narrow">
            <EndButtons label="Delete" total={impact.created.total} /> <a href={HERE}>Cancel</a>
          </form>
        </section>
      ),
    };
  }),
  defineOwnPage("POST", `${HERE}/:tokenId/delete`, "person", async (ctx) => {
    const id = ctx.page.params["tokenId"] ?? "";
    if (ctx.page.form["withDescendants"] === "true")
      return endedView(await revokePersonalToken(ctx, id), `Deleted your token ${id.slice(0, 8)}`, HERE);
    await deletePersonalToken(ctx, id);
    return { to: HERE, said: `Your token ${id.slice(0, 8)} was deleted.` };
  }),
];

async function view(ctx: Context, form: Record<string, string>, problem = ctx.page.problem): Promise<View> {
  const query = { filter: "all", maxResults: "100", continuationToken: ctx.page.query.get("continuationToken") || undefined };
  const { tokens, continuationToken } = await listPersonalTokens(ctx, readQuery(ListTokensQuery, query), null);
  return {
    title: "Your access tokens",
    ...answering(problem),
    body: (
      <section>
        <h1>Your access tokens</h1>
        <p class="faint">These tokens have your own permissions in all your organizations. Use organization tokens for machines.</p>
        {tokens.length === 0 ? (
          <Empty>
            <p>
              You have no token. <code>pulumi login</code> creates one, or create one below.
            </p>
          </Empty>
        ) : (
          <Table caption="Your access tokens" head={["Description", "Created", "Last used", "Expires", "State", "Delete"]}>
            {tokens.map((token) => (
              <tr>
                <th scope="row">{cut(token.description, 255) || "(no description)"}</th>
                <td>
                  <Time at={Date.parse(token.created)} />
                </td>
                <td>
                  <Time at={token.lastUsed === 0 ? null : token.lastUsed * 1000} />
                </td>
                <td>
                  <Time at={token.expires === 0 ? null : token.expires * 1000} exact />
                </td>
                <td>
                  <State token={token} />
                  <Near token={token} now={ctx.now} />
                  {token.disabledReason === "leaked" && <div class="hint">found in public</div>}
                  {token.disabledReason === "maker-leaked" && <div class="hint">its creator was found in public</div>}
                </td>
                <td>
                  <a
                    href={`${HERE}/${encodeURIComponent(token.id)}/delete`}
                    aria-label={`Delete the token ${cut(token.description, 100) || token.id}`}
                  >
                    Delete…
                  </a>
                </td>
              </tr>
            ))}
          </Table>
        )}
        <More url={ctx.page.url} continuationToken={continuationToken} />
        <h2>Create a token</h2>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post" class="narrow">
          <Field
            name="description"
            label="Description"
            value={form["description"]}
            error={problem?.fields["description"]}
            maxlength={255}
          />
          <ExpiryFields
            now={ctx.now}
            maxDays={null}
            value={form["expiry"]}
            date={form["expiryDate"] ?? ""}
            error={problem?.fields["expires"]}
          />
          <button>Create token</button>
        </form>
        <h2>Sessions</h2>
        <p>
          <a href={SESSIONS}>Your open sessions</a>
        </p>
      </section>
    ),
  };
}
