import type { RequestContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { closeAllSessions, closeSession } from "../sessions/close.ts";
import { dropSession } from "../sessions/cookie.ts";
import { signInWithToken } from "../sessions/signIn.ts";
import { deploymentProviders } from "../sso/deployment.ts";
import { organizationFor } from "../sso/flow.ts";
import { isSetupOpen } from "../setup/open.ts";
import { replaceSession } from "./replaceSession.ts";
import { SETUP } from "./setup.tsx";
import { departurePath } from "./singleSignOn.tsx";
import { Field, Notice } from "./components.tsx";
import { onwards } from "./onwards.tsx";
import { ownPath } from "./paths.ts";
import { type View, defineOwnPage, definePage } from "./page.tsx";

const view = async (ctx: RequestContext, next: string, problem?: string, typed = ""): Promise<View> => ({
  title: "Sign in",
  status: problem ? 400 : 200,
  body: (
    <section class="narrow">
      <h1>Sign in</h1>
      {problem && <Notice kind="error">{problem}</Notice>}
      {(await isSetupOpen(ctx)) && (
        <Notice kind="info">
          This deployment has no organization yet. Its operator makes the first one on the <a href={SETUP}>setup page</a>, with the
          operator's token.
        </Notice>
      )}
      {deploymentProviders(ctx.env).map((provider) => (
        <p>
          <a class="button" href={departurePath(provider, next)}>
            Sign in with {provider.name}
          </a>
        </p>
      ))}
      <form method="post" action="/signin">
        <input type="hidden" name="next" value={next} />
        <Field
          name="token"
          label="Personal access token"
          type="password"
          required
          autofocus
          hint="The token is exchanged for a session and not stored in this browser. Organization tokens cannot sign in."
        />
        <button>Sign in</button>
      </form>
      <form method="post" action="/signin/sso">
        <input type="hidden" name="next" value={next} />
        <Field
          name="organization"
          label="Organization or e-mail address"
          value={typed}
          required
          maxlength={254}
          hint="For organizations with single sign-on: their name, or your address there."
        />
        <button class="quiet">Continue with single sign-on</button>
      </form>
      <p class="faint">No token? Ask your organization's admin for an invitation.</p>
    </section>
  ),
});

/** The sentence for a name or address that leads to no organization. It does not depend on what is there (identity-facts O-25). */
const NOWHERE = "No organization with single sign-on has this name, or has proved the domain of this address.";

export const signInPages = [
  definePage("POST", "/signin/sso", "public", async (ctx) => {
    const { form, hono } = ctx.page;
    const next = ownPath(form["next"]);
    const name = await organizationFor(ctx, form["organization"] ?? "");
    if (name === undefined) return view(ctx, next, NOWHERE, (form["organization"] ?? "").slice(0, 254));
    const path = `/login/${encodeURIComponent(name)}/sso?next=${encodeURIComponent(next)}`;
    return onwards(hono, path, {
      title: "Sign in",
      heading: `Sign in to ${name}`,
      body: <a href={path}>Continue to the sign-in of {name}</a>,
    });
  }),
  definePage("GET", "/signin", "public", async (ctx) => view(ctx, ownPath(ctx.page.query.get("next")))),
  definePage("POST", "/signin", "public", async (ctx) => {
    const { form, hono } = ctx.page;
    try {
      await replaceSession(ctx, hono, await signInWithToken(ctx, form["token"] ?? ""));
    } catch (error) {
      if (error instanceof AppError && error.status === 400) return view(ctx, ownPath(form["next"]), error.message);
      throw error;
    }
    return { to: ownPath(form["next"]) };
  }),
  defineOwnPage("POST", "/signout", "person", async (ctx) => {
    await closeSession(ctx);
    dropSession(ctx.page.hono);
    return { to: "/signin" };
  }),
  defineOwnPage("POST", "/signout/everywhere", "person", async (ctx) => {
    await closeAllSessions(ctx);
    dropSession(ctx.page.hono);
    return { to: "/signin" };
  }),
];
