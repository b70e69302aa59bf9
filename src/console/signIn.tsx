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
import { keepDisplay } from "./display.ts";
import { Field, Notice } from "./components.tsx";
import { onwards } from "./onwards.tsx";
import { ownPath } from "./paths.ts";
import { type PageInput, type View, defineOwnPage, definePage } from "./page.tsx";

/** A wrong credential is answered at once, with its status, so that the log shows which sign-ins failed. */
const view = async (ctx: RequestContext & { page: PageInput }, next: string, problem?: string): Promise<View> => ({
  title: "Sign in",
  status: problem ? 400 : 200,
  body: (
    <section class="signin">
      <h1>Sign in to Stackpass</h1>
      <p class="faint">
        Stackpass keeps the state, the secrets and the history of your Pulumi stacks. You are at <strong>{ctx.page.url.host}</strong>.
      </p>
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
        {/* The script fills in the browser's time zone. */}
        <input type="hidden" name="zone" data-zone="" />
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
          value={(ctx.page.form["organization"] ?? "").slice(0, 254)}
          required
          maxlength={254}
          hint="For organizations with single sign-on: their name, or your address there."
        />
        <button class="quiet">Continue with single sign-on</button>
      </form>
      <h2>No token yet?</h2>
      <p class="faint">
        Ask an administrator of your organization for an invitation. On a computer where the Pulumi CLI is logged in to this deployment, its
        token is a personal access token, too. To log in the CLI, run <code>pulumi login {ctx.page.url.origin}</code>.
      </p>
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
    if (name === undefined) return view(ctx, next, NOWHERE);
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
      if (form["zone"] && !ctx.page.display.isChosen) keepDisplay(hono, { zone: form["zone"] });
    } catch (error) {
      if (error instanceof AppError && error.status === 400) return view(ctx, ownPath(form["next"]), error.message);
      throw error;
    }
    return { to: ownPath(form["next"]), said: null };
  }),
  defineOwnPage("POST", "/signout", "person", async (ctx) => {
    await closeSession(ctx);
    dropSession(ctx.page.hono);
    return { to: "/signin", said: "You are signed out." };
  }),
  defineOwnPage("POST", "/signout/everywhere", "person", async (ctx) => {
    await closeAllSessions(ctx);
    dropSession(ctx.page.hono);
    return { to: "/signin", said: "You are signed out." };
  }),
];
