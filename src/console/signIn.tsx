import type { PersonContext } from "../context.ts";
import { PreconditionFailed } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { closeAllSessions, closeSession } from "../sessions/close.ts";
import { dropSession, writeSession } from "../sessions/cookie.ts";
import { signInWithToken } from "../sessions/signIn.ts";
import { Field, Notice } from "./components.tsx";
import { ownPath } from "./paths.ts";
import { type View, defineOwnPage, definePage } from "./page.tsx";

const view = (next: string, problem?: string): View => ({
  title: "Sign in",
  status: problem ? 400 : 200,
  body: (
    <section class="narrow">
      <h1>Sign in</h1>
      {problem && <Notice kind="error">{problem}</Notice>}
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
      <p class="faint">
        No token? Ask your organization's admin for an invitation. Setting up a new deployment? Run <code>npm run first-admin</code>.
      </p>
    </section>
  ),
});

const isSignedIn = (ctx: object): ctx is PersonContext => "actor" in ctx;

/** Ignores the error of a session that has already ended. If it were thrown, the request would be repeated and would sign in twice. */
function hasEnded(error: unknown): void {
  if (!(error instanceof PreconditionFailed)) throw error;
}

export const signInPages = [
  definePage("GET", "/signin", "public", async ({ page }) => view(ownPath(page.query.get("next")))),
  definePage("POST", "/signin", "public", async (ctx) => {
    const { form, hono } = ctx.page;
    try {
      writeSession(hono, await signInWithToken(ctx, form["token"] ?? ""));
      // End the browser's previous session: nobody else should keep it.
      if (isSignedIn(ctx)) await closeSession(ctx).catch(hasEnded);
    } catch (error) {
      if (error instanceof AppError && error.status === 400) return view(ownPath(form["next"]), error.message);
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
