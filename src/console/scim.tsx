import type { OrgContext } from "../context.ts";
import { settingsOf } from "../auth/policy.ts";
import { createScimToken } from "../scim/tokens/create.ts";
import { deleteScimToken } from "../scim/tokens/delete.ts";
import { listScimTokens } from "../scim/tokens/list.ts";
import { CreateScimTokenRequest, UpdateScimSettingsRequest } from "../scim/tokens/schema.ts";
import { getScim, updateScim } from "../scim/tokens/settings.ts";
import { answering, attempt, readForm } from "./attempt.ts";
import { Badge, Copyable, Empty, Field, Notice, Table, Time } from "./components.tsx";
import { keepOnce, takeOnce } from "./once.ts";
import { type PageInput, type View, definePage } from "./page.tsx";
import { placePath } from "./paths.ts";
import { ExpiryFields, expiresOf } from "./tokens/expiry.tsx";

const HERE = "/:orgName/~/scim" as const;
type Context = OrgContext & { page: PageInput };
const here = (ctx: Context, ...rest: string[]) => placePath(ctx.org.name, "scim", ...rest);

/** The pages on which an administrator sets up SCIM for the organization's identity provider. */
export const scimPages = [
  definePage("GET", HERE, "org_token:read", (ctx) => view(ctx)),
  definePage("POST", HERE, "org_token:create", async (ctx) => {
    const { form, hono } = ctx.page;
    const body = readForm(CreateScimTokenRequest, { name: form["name"], expires: expiresOf(form, ctx.now) });
    const made = "problem" in body ? body : await attempt(() => createScimToken(ctx, body.value));
    if ("problem" in made) return view(ctx, made.problem);
    await keepOnce(ctx, hono, ctx.actor.token.id, { id: made.value.id, name: form["name"] ?? "", value: made.value.tokenValue });
    return { to: here(ctx, "value"), said: null };
  }),
  definePage("POST", `${HERE}/settings`, "organization:set_access", async (ctx) => {
    const { form, url } = ctx.page;
    const wanted = { restoresTokens: form["restoresTokens"] === "yes", deletesTeams: form["deletesTeams"] === "yes" };
    const body = readForm(UpdateScimSettingsRequest, wanted);
    if ("problem" in body) return view(ctx, body.problem);
    await updateScim(ctx, body.value, url.origin);
    return { to: here(ctx), said: "The settings were saved." };
  }),
  definePage("GET", `${HERE}/value`, "org_token:create", async (ctx) => {
    const shown = await takeOnce(ctx, ctx.page.hono, ctx.actor.token.id);
    return {
      title: "SCIM token",
      at: "settings" as const,
      body: (
        <section class="narrow">
          <h1>SCIM token {shown?.name}</h1>
          {shown ? (
            <>
              <Notice kind="warning">
                Copy the value into the identity provider now. It is shown only once and cannot be retrieved later.
              </Notice>
              <Copyable label="Value" text={shown.value} />
            </>
          ) : (
            <p>A token's value is shown once, right after its creation, and is not stored.</p>
          )}
          <a href={here(ctx)}>SCIM</a>
        </section>
      ),
    };
  }),
  definePage("POST", `${HERE}/:tokenId/delete`, "org_token:delete", async (ctx) => {
    await deleteScimToken(ctx, ctx.page.params["tokenId"] ?? "");
    return { to: here(ctx), said: "The token was deleted." };
  }),
];

async function view(ctx: Context, problem = ctx.page.problem): Promise<View> {
  const { page } = ctx;
  const service = await getScim(ctx, page.url.origin);
  const { tokens } = await listScimTokens(ctx);
  const mayCreate = page.may("org_token:create");
  return {
    title: "SCIM",
    at: "settings",
    ...answering(problem),
    body: (
      <section>
        <h1>SCIM</h1>
        <p>
          An identity provider creates, changes and deactivates the people and teams of {ctx.org.name} with this address and a token. It has{" "}
          {service.users} people and {service.groups} groups now.
        </p>
        <Copyable label="Address" text={service.url} />
        <h2>Tokens</h2>
        {tokens.length === 0 ? (
          <Empty>
            <p>There is no SCIM token.</p>
          </Empty>
        ) : (
          <Table caption="SCIM tokens" head={["Name", "Created", "Last used", "Expires", "State", "Delete"]}>
            {tokens.map((token) => (
              <tr>
                <th scope="row">{token.name}</th>
                <td>
                  <Time at={Date.parse(token.created)} /> by {token.createdBy}
                </td>
                <td>
                  <Time at={token.lastUsed === 0 ? null : token.lastUsed * 1000} />
                </td>
                <td>
                  <Time at={token.expires === 0 ? null : token.expires * 1000} exact />
                </td>
                <td>
                  <Badge kind={token.status === "active" ? "good" : "bad"}>{token.status}</Badge>
                </td>
                <td>
                  {page.may("org_token:delete") && (
                    <form method="post" action={here(ctx, token.id, "delete")}>
                      <button class="danger" aria-label={`Delete the SCIM token ${token.name}`}>
                        Delete
                      </button>
                    </form>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
        {mayCreate && (
          <>
            <h2>Create a token</h2>
            <p class="faint">An organization has at most two, so that one can replace the other.</p>
            {problem && <Notice kind="error">{problem.message}</Notice>}
            <form method="post" action={here(ctx)} class="narrow">
              <Field
                name="name"
                label="Name"
                value={problem && page.form["name"]}
                error={problem?.fields["name"]}
                maxlength={40}
                required
              />
              <ExpiryFields
                now={ctx.now}
                maxDays={settingsOf(ctx).maxTokenExpiryDays}
                value={page.form["expiry"] ?? "never"}
                date={page.form["expiryDate"] ?? ""}
                error={problem?.fields["expires"]}
              />
              <button>Create token</button>
            </form>
          </>
        )}
        {page.may("organization:set_access") && (
          <>
            <h2>What happens</h2>
            <form method="post" action={here(ctx, "settings")} class="narrow">
              <label class="plain option">
                <input type="checkbox" name="restoresTokens" value="yes" checked={service.restoresTokens} /> A person who is activated again
                gets the access of older personal tokens and sessions back
              </label>
              <label class="plain option">
                <input type="checkbox" name="deletesTeams" value="yes" checked={service.deletesTeams} /> The deletion of a group deletes its
                team, with its tokens
              </label>
              <button>Save</button>
            </form>
          </>
        )}
      </section>
    ),
  };
}
