import type { Context } from "hono";
import type { Env } from "../http/environment.ts";
import type { Handlers } from "../http/handlers.ts";
import { type Credential, authenticateSession } from "../auth/authenticate.ts";
import { authorize, requireWholeAccount } from "../auth/authorize.ts";
import { circumstancesOf } from "../auth/editions.ts";
import { type OrgPermission, type StackRef, decide } from "../auth/policy.ts";
import { requireRequestQuota } from "../auth/quota.ts";
import type { OrgContext, PersonContext, RequestContext } from "../context.ts";
import { AppError, unauthorized } from "../errors.ts";
import { publicUrlOf } from "../http/origin.ts";
import { retryAfterChange } from "../auth/retry.ts";
import { dropSession, readSession } from "../sessions/cookie.ts";
import { extendSession } from "../sessions/extend.ts";
import { withWrittenNames } from "../stacks/written.ts";
import { type Display, displayOf } from "./display.ts";
import { fieldsOf, refuseForeign, requireReadable } from "./posted.ts";
import type { Problem } from "./problem.ts";
import { refusalView } from "./refusal.tsx";
import { keepRefused, takeRefused } from "./refused.ts";
import { render } from "./render.tsx";
import type { Answer, Done } from "./view.ts";

export type { Done, Said, View } from "./view.ts";

/** The requirement of a page: none, a signed-in person, or a permission in the organization that the path names. */
export type PagePermission = "public" | "person" | OrgPermission;

/** The context that a page's handler gets. */
export type PageContext<P extends PagePermission> = (P extends "public"
  ? RequestContext
  : P extends "person"
    ? PersonContext
    : OrgContext & PersonContext) & { page: PageInput };

export interface PageInput {
  params: Record<string, string>;
  query: URLSearchParams;
  /** Fields of a posted form; if a field is sent twice, the last counts. With `problem`, the fields of the form that was refused. */
  form: Record<string, string>;
  /** The reason why the form that the reader has just sent from this page was refused. */
  problem: Problem | undefined;
  /** The address of the page, under the public address of the deployment. */
  url: URL;
  display: Display;
  /** Whether the reader has a permission in the page's organization. Use it only to decide what to show. */
  may: (permission: OrgPermission) => boolean;
  hono: Context<Env>;
}

export interface PageRoute {
  method: "GET" | "POST";
  path: string;
  permission: PagePermission;
  /** A session that opens one organization only may see it, see `RouteDefinition`. */
  bounded?: boolean;
  /** Accepts a form that another site lets the browser send. The browser sends no cookies with it. */
  foreign?: boolean;
  /** Maximum number of characters of a form, if it is not `FORM_LIMIT`. */
  formLimit?: number;
  /** For a form: how many segments of its path are the path of the page that contains it, and what that page needs. */
  formOn?: { segments: number; permission: PagePermission } | undefined;
  handler: (ctx: PageContext<PagePermission>) => Promise<Answer>;
}

/** Binds a page to its handler. Names in the path with a `:` are parameters; `:orgName` is the organization. */
export function definePage<P extends PagePermission, M extends "GET" | "POST">(
  method: M,
  path: P extends OrgPermission ? `${string}:orgName${string}` : string,
  permission: P,
  handler: (ctx: PageContext<P>) => Promise<M extends "POST" ? Done : Answer>,
): PageRoute {
  return { method, path, permission, handler: handler as PageRoute["handler"] };
}

/** A page of the person's own account that a session of one organization may see as well. */
export const defineOwnPage = <M extends "GET" | "POST">(
  method: M,
  path: string,
  permission: "person",
  handler: (ctx: PageContext<"person">) => Promise<M extends "POST" ? Done : Answer>,
): PageRoute => ({ ...definePage(method, path, permission, handler), bounded: true });

/** A form of another site, as an identity provider sends it. The handler opens no session. */
export const defineForeignForm = (path: string, formLimit: number, handler: (ctx: PageContext<"public">) => Promise<Done>): PageRoute => ({
  ...definePage("POST", path, "public", handler),
  foreign: true,
  formLimit,
});

/** Adds the handlers of pages. Order matters: the first match is taken. */
export function addPages(handlers: Handlers, pages: PageRoute[]): void {
  const shown = new Map(pages.filter(({ method }) => method === "GET").map(({ path, permission }) => [path, permission]));
  for (const route of pages) {
    if (route.method === "POST") route.formOn = pageAbove(route.path, shown);
    handlers.add(route.method, route.path, (c) => serve(c, route));
  }
}

const first = (path: string, segments: number) => path.split("/").slice(0, segments).join("/");

/** The page at the path of a form, or else the next one above it. */
function pageAbove(path: string, shown: Map<string, PagePermission>): PageRoute["formOn"] {
  for (let segments = path.split("/").length; segments > 1; segments--) {
    const permission = shown.get(first(path, segments));
    if (permission) return { segments, permission };
  }
  return undefined;
}

/** The path of the page that contains a form, if the reader may see that page. */
function formPathOf({ url, may }: PageInput, { formOn }: PageRoute): string | undefined {
  if (!formOn) return undefined;
  const { permission, segments } = formOn;
  return permission === "public" || permission === "person" || may(permission) ? first(url.pathname, segments) : undefined;
}

/**
 * A path of the API that no route matches is not a page either. A program that asks for JSON is not redirected to the sign-in page, because
 * it would treat the page as its answer.
 */
function isForPeople(c: Context<Env>, { method, permission }: PageRoute): boolean {
  if (c.get("params")["orgName"]?.toLowerCase() === "api") return false;
  return (
    method === "POST" || permission === "public" || readSession(c) !== undefined || (c.req.header("Accept") ?? "").includes("text/html")
  );
}

async function serve(c: Context<Env>, route: PageRoute): Promise<Response> {
  if (!isForPeople(c, route)) return c.notFound();
  c.set("route", route.path);
  const request = c.get("request");
  const page: PageInput = {
    params: c.get("params"),
    query: new URL(c.req.url).searchParams,
    form: {},
    problem: undefined,
    url: publicUrlOf(c.env, c.req),
    display: displayOf(c),
    may: (permission) => {
      const credential = c.get("credential");
      if (!credential?.org) return false;
      return decide(credential.actor, permission, credential.org.name, circumstancesOf(request), stackParam(c)) === "allowed";
    },
    hono: c,
  };
  try {
    requireReadable(page.query, route.method);
    if (route.method === "POST") {
      if (!route.foreign) refuseForeign(c);
      page.form = await fieldsOf(c, route.formLimit);
    } else Object.assign(page, await takeRefused(c.env, c, page.url.pathname));
    const answer = await handle(c, route, page);
    const there = route.method === "POST" && "title" in answer ? formPathOf(page, route) : undefined;
    if (there !== undefined && "problem" in answer && answer.problem && (await keepRefused(c.env, c, there, page.form, answer.problem)))
      return c.redirect(there + page.url.search, 303);
    return await render(c, answer, page, there);
  } catch (error) {
    return refusalPage(c, error, page);
  }
}

async function handle(c: Context<Env>, route: PageRoute, page: PageInput): Promise<Answer> {
  const request = c.get("request");
  return retryAfterChange(async (fresh) => {
    if (fresh) request.now = Math.max(request.now, Date.now());
    // This step may read facts about a stack behind a guard, which fails for a cached identity that is out of date.
    await enter(c, route, fresh);
    return withWrittenNames(request, c.get("credential")?.org, stackParam(c), (written) => {
      page.params = { ...page.params, ...written };
      return route.handler(contextOf(request, c.get("credential"), page));
    });
  });
}

/** Authenticates and authorizes the reader. @throws 401 for a page that needs a signed-in person */
async function enter(c: Context<Env>, { permission, bounded }: PageRoute, fresh: boolean): Promise<void> {
  const request = c.get("request");
  const value = readSession(c);
  const { orgName } = c.get("params");
  const credential = value ? await authenticateSession(request, value, orgName, fresh) : undefined;
  // The log and the page's frame name the reader from here on, whatever the result.
  c.set("credential", credential);
  if (!credential) {
    if (permission !== "public") throw unauthorized("no_credential");
    if (value) dropSession(c);
    return;
  }
  extendSession(request, credential.identity);
  credential.used(request);
  // Do not count against the organization's quotas: a caller who uses them up must not lock out the administrators who could stop it.
  if (!fresh) await requireRequestQuota(request, { actor: credential.actor });
  if (permission !== "public")
    c.set("credential", await authorize(request, { ...credential, guarded: true }, permission, orgName, stackParam(c)));
  if (permission === "person" && !bounded) await requireWholeAccount(request, credential.actor);
}

/** The stack that the path names, if any: a credential's permissions can differ between stacks. */
function stackParam(c: Context<Env>): StackRef | undefined {
  const { projectName, stackName } = c.get("params");
  return projectName && stackName ? { projectName, stackName } : undefined;
}

function contextOf(request: RequestContext, credential: Credential | undefined, page: PageInput): PageContext<PagePermission> {
  return Object.assign(request, credential && { actor: credential.actor, org: credential.org, relied: [] }, {
    page,
  }) as PageContext<PagePermission>;
}

/** The 404 for a browser: the same for a stranger and for a person without access. */
export function missingPage(c: Context<Env>): Promise<Response> {
  // A page that matched did not answer, because the path is not for people.
  c.set("params", {});
  return serve(c, {
    method: "GET",
    path: "/:nowhere",
    permission: "public",
    handler: async () => {
      throw new AppError(404, "There is no such page.");
    },
  });
}

/** Maximum number of characters of `next`: a longer value, encoded again, would make a header that browsers reject. */
const MAX_NEXT = 4000;

async function refusalPage(c: Context<Env>, error: unknown, page: PageInput): Promise<Response> {
  if (error instanceof AppError && error.status === 401) {
    if (readSession(c)) dropSession(c);
    const next = encodeURIComponent(page.url.pathname + page.url.search);
    return c.redirect(c.req.method === "GET" && next.length <= MAX_NEXT ? `/signin?next=${next}` : "/signin", 303);
  }
  if (!(error instanceof AppError)) throw error;
  c.set("reason", error.reason);
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
  return render(c, refusalView(error), page);
}
