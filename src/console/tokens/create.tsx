import type { OrgContext } from "../../context.ts";
import { createOrgToken } from "../../tokens/create.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { CreateOrgAccessTokenRequest } from "../../tokens/schema.ts";
import { answering, attempt, readForm } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";
import { NewTokenFields, newTokenIn } from "./fields.tsx";
import { limitsForm } from "./limits.tsx";
import { ADMIN_TOKEN_WARNING, roleValue, rolesOfTokens } from "./roles.ts";

type Form = Record<string, string>;
/** Seconds. */
const DAY = 86_400;

export const createPages = [
  definePage("GET", "/:orgName/~/tokens/new", "org_token:create", async (ctx) =>
    view(ctx, ctx.page.problem ? ctx.page.form : await formLike(ctx)),
  ),
  definePage("POST", "/:orgName/~/tokens/new", "org_token:create", async (ctx) => {
    const { form, hono } = ctx.page;
    const body = readForm(CreateOrgAccessTokenRequest, { roleID: form["roleID"], ...newTokenIn(form, ctx.now) });
    if ("problem" in body) return view(ctx, form, body.problem);
    const made = await attempt(() => createOrgToken(ctx, body.value, "created in the console"));
    if ("problem" in made) return view(ctx, form, made.problem);
    const { id, tokenValue } = made.value;
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name: body.value.name, value: tokenValue });
    return { to: placePath(ctx.org.name, "tokens", id, "value"), said: null };
  }),
];

/** The form with the role, the limits and the description of another token. Its name and its value are its own. */
async function formLike(ctx: OrgContext & { page: PageInput }): Promise<Form> {
  const like = ctx.page.query.get("like");
  if (!like) return {};
  const token = await getOrgToken(ctx, like);
  const days = token.expires === 0 ? "never" : String(Math.round((token.expires - Date.parse(token.created) / 1000) / DAY));
  return {
    description: token.description,
    roleID: roleValue(ctx, token),
    expiry: days,
    mayRotateItself: token.mayRotateItself ? "yes" : "",
    ...limitsForm(token),
  };
}

async function view(ctx: OrgContext & { page: PageInput }, form: Form, problem = ctx.page.problem): Promise<View> {
  const errors = problem?.fields ?? {};
  return {
    title: "Create an access token",
    at: "tokens",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Create an access token</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post">
          <NewTokenFields ctx={ctx} form={form} errors={errors}>
            <RolePicker
              name="roleID"
              legend="Permissions"
              value={form["roleID"] ?? "member"}
              choices={await roleChoices(ctx, rolesOfTokens, "built-in")}
              error={errors["roleID"]}
              warning={ADMIN_TOKEN_WARNING}
            />
          </NewTokenFields>
          <p>
            <button>Create token</button> <a href={placePath(ctx.org.name, "tokens")}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}
