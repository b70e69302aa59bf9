import type { OrgContext } from "../../context.ts";
import { removeMember } from "../../orgs/removeMember.ts";
import { type Problem, attempt } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

const HERE = "/:orgName/~/members/:login/remove" as const;

/** Says what removing somebody ends, and what it does not. */
export const removePages = [
  definePage("GET", HERE, "org_member:delete", async (ctx) => view(ctx, ctx.page.params["login"] ?? "")),
  definePage("POST", HERE, "org_member:delete", async (ctx) => {
    const login = ctx.page.params["login"] ?? "";
    const done = await attempt(() => removeMember(ctx, login));
    return "problem" in done ? view(ctx, login, done.problem) : { to: placePath(ctx.org.name, "members") };
  }),
];

const view = (ctx: OrgContext, login: string, problem?: Problem): View => ({
  title: `Remove ${login}`,
  at: "members",
  status: problem ? 400 : 200,
  body: (
    <section class="narrow">
      <h1>Remove {login}?</h1>
      {problem && <Notice kind="error">{problem.message}</Notice>}
      <p>
        Their own tokens open nothing in {ctx.org.name} any more, at once. Tokens of the organization that they created live on: those
        belong to {ctx.org.name}.
      </p>
      <form method="post">
        <button class="danger">Remove</button> <a href={placePath(ctx.org.name, "members")}>Cancel</a>
      </form>
    </section>
  ),
});
