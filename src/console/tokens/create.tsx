import { settingsOf } from "../../auth/policy.ts";
import type { OrgContext } from "../../context.ts";
import { createOrgToken } from "../../tokens/create.ts";
import { CreateOrgAccessTokenRequest } from "../../tokens/schema.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import { Choice, Field, Notice } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { ExpiryFields, expiresOf } from "./expiry.tsx";
import { LimitFields, tokenLimitsIn } from "./limits.tsx";

type Form = Record<string, string>;

const blank: Form = { roleID: "member" };

export const createPages = [
  definePage("GET", "/:orgName/~/tokens/new", "org_token:create", async (ctx) => view(ctx, blank)),
  definePage("POST", "/:orgName/~/tokens/new", "org_token:create", async (ctx) => {
    const { form, hono } = ctx.page;
    const body = readForm(CreateOrgAccessTokenRequest, bodyOf(form, ctx.now));
    if ("problem" in body) return view(ctx, form, body.problem);
    const made = await attempt(() => createOrgToken(ctx, body.value, "created in the console"));
    if ("problem" in made) return view(ctx, form, made.problem);
    const { id, tokenValue } = made.value;
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name: body.value.name, value: tokenValue });
    return { to: placePath(ctx.org.name, "tokens", id, "value") };
  }),
];

/** The body of the API's request, from the form's fields. */
function bodyOf(form: Form, now: number) {
  return {
    name: form["name"],
    description: form["description"],
    roleID: form["roleID"],
    expires: expiresOf(form, now),
    mayRotateItself: form["mayRotateItself"] === "yes",
    ...tokenLimitsIn(form),
  };
}

function view(ctx: OrgContext, form: Form, problem?: Problem): View {
  const { maxTokenExpiryDays } = settingsOf(ctx);
  const errors = problem?.fields ?? {};
  return {
    title: "Create an access token",
    at: "tokens",
    status: problem ? 400 : 200,
    body: (
      <section class="narrow">
        <h1>Create an access token</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post">
          <Field
            name="name"
            label="Name"
            value={form["name"]}
            error={errors["name"]}
            required
            maxlength={40}
            pattern="[A-Za-z0-9_\-]{1,40}"
            complaint="Letters, digits, hyphens and underscores; at most 40."
            hint="The token's purpose, such as jenkins-ci-dev. The name is permanent and is shown in the audit log."
            autofocus
          />
          <Field name="description" label="Description" value={form["description"]} error={errors["description"]} maxlength={255} />
          <Choice
            name="roleID"
            label="Permissions"
            value={form["roleID"] ?? "member"}
            options={[
              ["member", "Member: create and update stacks"],
              ["read-only", "Read only: view stacks and their states"],
              ["admin", "Admin: everything except creating and deleting tokens"],
            ]}
          />
          <ExpiryFields
            now={ctx.now}
            maxDays={maxTokenExpiryDays}
            value={form["expiry"]}
            date={form["expiryDate"] ?? ""}
            error={errors["expires"]}
          />
          <details open={Boolean(form["stacks"] || form["networks"] || form["countries"])}>
            <summary>Limits</summary>
            <LimitFields form={form} errors={errors} />
            <label class="plain option">
              <input type="checkbox" name="mayRotateItself" value="yes" checked={form["mayRotateItself"] === "yes"} /> Allow this token to
              rotate itself
            </label>
          </details>
          <p>
            <button>Create token</button> <a href={placePath(ctx.org.name, "tokens")}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}
