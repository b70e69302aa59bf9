import type { PersonContext, RequestContext } from "../context.ts";
import { AppError, notFound } from "../errors.ts";
import { placeOf } from "../sso/admit.ts";
import { createBySignIn } from "../setup/createBySignIn.ts";
import { type First, arrive, depart, finishFirst, providersAt, readFirst } from "../sso/flow.ts";
import type { Provider } from "../sso/provider.ts";
import { NO_SAML, arriveFromSaml, receiveSaml } from "../sso/saml.ts";
import { acsUrlFor, samlArrivalPath, samlMetadataUrlFor, serverMetadata } from "../sso/samlTexts.ts";
import { authorizeToken, listOwnTokens } from "../sso/authorizations.ts";
import { originOf } from "../http/origin.ts";
import { cut } from "../http/pageText.ts";
import { Empty, Field, Notice, Table } from "./components.tsx";
import { type Done, type PageInput, type View, defineForeignForm, definePage } from "./page.tsx";
import { onwards } from "./onwards.tsx";
import { orgPath, ownPath } from "./paths.ts";
import { atPublicAddress } from "./publicAddress.ts";
import { isSignedIn, replaceSession } from "./replaceSession.ts";

const FIRST = "/login/first";
const SAML_ARRIVAL = "/login/:place/sso/saml";
/** Maximum number of characters of a form with a response of SAML. Base64 has `+` and `/`, which a form writes with three characters. */
const SAML_FORM = 160 * 1024;

/** The address that leads to a provider, and from there to a page of this site. */
export const departurePath = (provider: Pick<Provider, "org" | "id">, next: string, hint = "") =>
  `/login/${encodeURIComponent(placeOf(provider))}/sso?${String(new URLSearchParams({ connection: provider.id, next, ...(hint && { [HINT]: hint }) }))}`;

const HINT = "login_hint";
const MOST_HINT = 254;

/** The `login_hint` of the link, which the provider gets with the request. "" if it is absent, too long, or has control characters. */
function hintIn(query: URLSearchParams): string {
  const hint = query.get(HINT) ?? "";
  return hint.length <= MOST_HINT && !/[\p{C}]/u.test(hint) ? hint : "";
}

/** The path of a page of this site; `/` for an address on another site. */
function pathIn(target: string | null, { env, page: { hono } }: RequestContext & { page: PageInput }): string {
  const url = URL.parse(target ?? "");
  const own = [originOf(env, hono.req), new URL(hono.req.url).origin];
  return url && own.includes(url.origin) ? ownPath(url.pathname + url.search) : "/";
}

/**
 * Whether the browser may be sent to a provider at once. A provider can answer at once with an account of its own, and the person would work in that account
 * unnoticed. So only a person who has no session begins a sign-in by a page of this site alone: a sign-in may end at any page of this site, and that page was
 * perhaps chosen by another site. In all other cases the person presses a button, which no site and no redirect can do.
 */
function mayLeaveAtOnce(ctx: RequestContext & { page: PageInput }): boolean {
  const site = ctx.page.hono.req.header("Sec-Fetch-Site");
  return site === undefined || site === "none" || (site === "same-origin" && !isSignedIn(ctx));
}

/** Leads to the only provider, or shows a page to choose one. @throws 404 for none */
async function leave(ctx: RequestContext & { page: PageInput }, providers: Provider[], next: string, hint: string): Promise<Done> {
  const { hono } = ctx.page;
  const [only, ...others] = providers;
  if (!only) throw notFound("Single sign-on of this name");
  const elsewhere = atPublicAddress(ctx.page);
  if (elsewhere !== undefined) return hono.redirect(elsewhere, 302);
  if (others.length === 0 && mayLeaveAtOnce(ctx)) return hono.redirect(await depart(ctx, hono, only, { next, hint }), 302);
  return {
    title: "Sign in",
    body: (
      <section class="narrow">
        <h1>Sign in to {placeOf(only)}</h1>
        {isSignedIn(ctx) && <p>You are signed in as {ctx.actor.user.login} now. The sign-in there ends this session.</p>}
        {providers.map((provider) => (
          <form method="post" action={departurePath(provider, next, hint)}>
            <button>Continue with {provider.name}</button>
          </form>
        ))}
      </section>
    ),
  };
}

/** The providers that a link to a sign-in means. */
async function wantedProviders(ctx: RequestContext & { page: PageInput }): Promise<Provider[]> {
  const { query, params } = ctx.page;
  const wanted = query.get("connection");
  return (await providersAt(ctx, params["place"] ?? "")).filter(({ id }) => wanted === null || id === wanted);
}

/** Sign-in through identity providers. */
export const singleSignOnPages = [
  definePage("GET", "/login/:place/sso", "public", async (ctx) => {
    const { query } = ctx.page;
    return leave(ctx, await wantedProviders(ctx), ownPath(query.get("next")), hintIn(query));
  }),
  definePage("POST", "/login/:place/sso", "public", async (ctx) => {
    const { query, hono } = ctx.page;
    const [provider] = await wantedProviders(ctx);
    if (!provider) throw notFound("Single sign-on of this name");
    const to = await depart(ctx, hono, provider, { next: ownPath(query.get("next")), hint: hintIn(query) });
    const body = <a href={to}>Continue to {provider.name}</a>;
    return onwards(hono, to, { title: "Sign in", heading: `Sign in to ${placeOf(provider)}`, body });
  }),
  // The provider begins the sign-in (OpenID Connect Core 1.0, section 4). It only says which provider it is: the flow is our own from its
  // beginning.
  definePage("GET", "/login/:place/sso/initiate", "public", async (ctx) => {
    const { query, params } = ctx.page;
    const providers = (await providersAt(ctx, params["place"] ?? "")).filter(({ issuer }) => issuer === query.get("iss"));
    return leave(ctx, providers, pathIn(query.get("target_link_uri"), ctx), hintIn(query));
  }),
  definePage("GET", "/login/:place/sso/callback", "public", async (ctx) => {
    const { hono, params } = ctx.page;
    const arrival = await arrive(ctx, hono, params["place"] ?? "");
    if (arrival === "first") return { to: FIRST, said: null };
    if ("setup" in arrival) {
      await replaceSession(ctx, hono, await createBySignIn(ctx, arrival.provider, arrival.person, arrival.setup));
      return { to: orgPath(arrival.setup), said: null };
    }
    await replaceSession(ctx, hono, arrival.cookie);
    return { to: arrival.next, said: null };
  }),
  definePage("GET", "/login/:place/sso/saml/metadata", "public", async (ctx) => {
    const { hono, params, url } = ctx.page;
    if (!ctx.env.SAML) throw new AppError(404, NO_SAML);
    const place = params["place"] ?? "";
    const metadata = serverMetadata(samlMetadataUrlFor(place, url.origin), acsUrlFor(place, url.origin));
    return hono.body(metadata, 200, { "Content-Type": "application/samlmetadata+xml" });
  }),
  defineForeignForm("/login/:place/sso/saml/acs", SAML_FORM, async (ctx) => {
    const { hono, params, form } = ctx.page;
    const place = params["place"] ?? "";
    await receiveSaml(ctx, hono, place, form);
    return { to: samlArrivalPath(place), said: null };
  }),
  definePage("GET", SAML_ARRIVAL, "public", (ctx) => arriveBySaml(ctx, undefined)),
  definePage("POST", SAML_ARRIVAL, "public", (ctx) => arriveBySaml(ctx, ctx.page.form["arrival"] ?? "")),
  definePage("GET", FIRST, "public", async (ctx) => firstView(ctx, await readFirst(ctx, ctx.page.hono))),
  definePage("POST", FIRST, "public", async (ctx) => {
    const { form, hono } = ctx.page;
    const holder = isSignedIn(ctx) ? ctx.actor : undefined;
    const choice =
      form["as"] === "new"
        ? ({ as: "new" } as const)
        : form["as"] === "session"
          ? ({ as: "session", holder } as const)
          : ({ as: "token", value: form["token"] ?? "" } as const);
    try {
      const { cookie, next } = await finishFirst(ctx, hono, choice);
      await replaceSession(ctx, hono, cookie);
      return { to: next, said: null };
    } catch (error) {
      if (!(error instanceof AppError && error.status === 400 && choice.as === "token")) throw error;
      return firstView(ctx, await readFirst(ctx, hono), error.message);
    }
  }),
  definePage("GET", "/signin/sso/:place/reauth", "public", async (ctx) => {
    const place = ctx.page.params["place"] ?? "";
    if (!isSignedInTo(ctx, place)) return { to: `/login/${encodeURIComponent(place)}/sso?next=${encodeURIComponent(reauthPath(place))}` };
    const tokens = await listOwnTokens(ctx);
    return {
      title: "Your access tokens",
      body: (
        <section>
          <h1>Your access tokens in {place}</h1>
          <p>
            You have just signed in to {place}. If it requires single sign-on, it accepts only those of your tokens that you authorize here.
          </p>
          {tokens.length === 0 ? (
            <Empty>
              <p>
                You have no personal access token. <code>pulumi login</code> creates one that {place} accepts.
              </p>
            </Empty>
          ) : (
            <Table caption="Your access tokens" head={["Id", "Description", "Authorize"]}>
              {tokens.map(({ id, description, isAuthorized }) => (
                <tr>
                  <th scope="row">{id.slice(0, 8)}</th>
                  <td>{cut(description, 255) || "(no description)"}</td>
                  <td>
                    {isAuthorized ? (
                      "authorized"
                    ) : (
                      <form method="post" action={reauthPath(place)}>
                        <input type="hidden" name="token" value={id} />
                        <button class="quiet" aria-label={`Authorize the token ${id.slice(0, 8)}`}>
                          Authorize
                        </button>
                      </form>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </section>
      ),
    };
  }),
  definePage("POST", "/signin/sso/:place/reauth", "public", async (ctx) => {
    const place = ctx.page.params["place"] ?? "";
    if (!isSignedInTo(ctx, place)) return { to: reauthPath(place), said: null };
    await authorizeToken(ctx, ctx.page.form["token"] ?? "");
    return { to: reauthPath(place), said: null };
  }),
];

/** The page after the form of a provider, and its button. */
async function arriveBySaml(ctx: RequestContext & { page: PageInput }, confirmedId: string | undefined): Promise<Done> {
  const { hono, params } = ctx.page;
  const place = params["place"] ?? "";
  const arrival = await arriveFromSaml(ctx, hono, place, confirmedId, ownPath);
  if (arrival === "first") return { to: FIRST, said: null };
  if ("cookie" in arrival) {
    await replaceSession(ctx, hono, arrival.cookie);
    return { to: arrival.next, said: null };
  }
  const { arrivalId, provider, person } = arrival;
  return {
    title: "Sign in",
    body: (
      <section class="narrow">
        <h1>Sign in to {place}</h1>
        <p>
          {provider.name} sent you here as <strong>{person.email || person.userName || person.subject}</strong>. Go on only if that is you.
        </p>
        <form method="post" action={samlArrivalPath(place)}>
          <input type="hidden" name="arrival" value={arrivalId} />
          <button>Sign in</button>
        </form>
      </section>
    ),
  };
}

/** The CLI prints a link to this page when a sign-in is too old (cli-protocol §1.6). */
const reauthPath = (place: string) => `/signin/sso/${encodeURIComponent(place)}/reauth`;

/** Whether the browser's session was opened by the identity provider of that organization. */
const isSignedInTo = <C extends object>(ctx: C, place: string): ctx is C & PersonContext =>
  isSignedIn(ctx) &&
  ctx.actor.limits.onlyOrgId !== null &&
  ctx.actor.token.openedWith === undefined &&
  ctx.actor.memberships[0]?.org.name === place;

/** Nothing is linked by an address: the person says which account is meant, and proves that it is theirs (identity-facts O-8). */
function firstView(ctx: RequestContext & { page: PageInput }, { provider, person, mayJoin }: First, problem?: string): View {
  const signedIn = isSignedIn(ctx) && ctx.actor.limits.onlyOrgId === null ? ctx.actor.user.login : undefined;
  const where = provider.org ? `${provider.org.name} through ${provider.name}` : provider.name;
  return {
    title: "First sign-in",
    status: problem ? 400 : 200,
    body: (
      <section class="narrow">
        <h1>Your first sign-in with {where}</h1>
        <p>
          You are <strong>{person.email || person.userName || person.subject}</strong> there.
        </p>
        {problem && <Notice kind="error">{problem}</Notice>}
        {signedIn !== undefined && (
          <form method="post" action={FIRST}>
            <input type="hidden" name="as" value="session" />
            <p>You are signed in here as {signedIn}. From now on, this identity can sign in to that account.</p>
            <button>Link it with {signedIn}</button>
          </form>
        )}
        {mayJoin ? (
          <form method="post" action={FIRST}>
            <input type="hidden" name="as" value="new" />
            <p>If you have no account on this server yet, one is made for you.</p>
            <button class={signedIn === undefined ? "" : "quiet"}>Create my account</button>
          </form>
        ) : (
          <p>
            {provider.org?.name ?? provider.name} does not give you an account by itself. If you have one that is a member already, link it.
            Else ask an administrator for an invitation.
          </p>
        )}
        <form method="post" action={FIRST}>
          <input type="hidden" name="as" value="token" />
          <Field
            name="token"
            label="Personal access token of your account"
            type="password"
            required
            hint="If you have an account here already, prove that it is yours. From now on, this identity can sign in to it."
          />
          <button class="quiet">Link my account</button>
        </form>
      </section>
    ),
  };
}
