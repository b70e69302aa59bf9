import { has } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { fates, removeMember } from "../../orgs/removeMember.ts";
import { tokensMadeBy } from "../../orgs/tokensMadeBy.ts";
import { answering, attempt } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { endedView } from "../tokens/created.tsx";

const HERE = "/:orgName/~/members/:login/remove" as const;

/** Shows what the removal of a member ends, and what it does not. */
export const memberRemovePages = [
  definePage("GET", HERE, "org_member:delete", (ctx) => view(ctx, ctx.page.params["login"] ?? "")),
  definePage("POST", HERE, "org_member:delete", async (ctx) => {
    const login = ctx.page.params["login"] ?? "";
    const fate = fates.find((one) => one === ctx.page.form["tokens"]);
    const done = await attempt(() => removeMember(ctx, login, fate));
    const list = placePath(ctx.org.name, "members");
    if ("problem" in done) return view(ctx, login, done.problem);
    return done.value
      ? { ...endedView(done.value, `Removed ${login}`, list), at: "members" }
      : { to: list, said: `${login} is not a member any more.` };
  }),
];

/** Maximum number of token names on the page. */
const MOST_TOKENS = 50;

async function view(ctx: OrgContext & { page: PageInput }, login: string, problem = ctx.page.problem): Promise<View> {
  const { total, tokens, setUp } = await tokensMadeBy(ctx, login, MOST_TOKENS);
  return {
    title: `Remove ${login}`,
    at: "members",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Remove {login}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p>
          {login} loses access to {ctx.org.name} immediately.
        </p>
        <form method="post">
          {total + setUp.length > 0 && has(ctx, "org_token:delete") && (
            <fieldset>
              <legend>
                {total > 0
                  ? `${total === 1 ? "1 token" : `${total} tokens`} of ${ctx.org.name} that ${login} created`
                  : `What ${login} set up in ${ctx.org.name}`}
              </legend>
              <ul>
                {tokens.map(({ id, name }) => (
                  <li>
                    <a href={placePath(ctx.org.name, "tokens", id)}>{name}</a>
                  </li>
                ))}
                {total > tokens.length && <li>and {total - tokens.length} more</li>}
                {setUp.map(({ what, name }) => (
                  <li>
                    {what} {name}
                  </li>
                ))}
              </ul>
              <label class="plain option">
                <input type="radio" name="tokens" value="keep" checked /> Keep them valid.{" "}
                {total > 0 && `Rotate the tokens, because ${login} may know their values`}
              </label>
              <label class="plain option">
                <input type="radio" name="tokens" value="revoke" />{" "}
                {total > 0 && "Delete the tokens now, with the tokens and invitations that they created. "}
                {setUp.length > 0 && `Disable what ${login} set up, and end what it opened`}
              </label>
            </fieldset>
          )}
          <button class="danger">Remove</button> <a href={placePath(ctx.org.name, "members")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
