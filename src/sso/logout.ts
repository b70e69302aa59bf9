import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import type { Context } from "hono";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf } from "../audit/record.ts";
import { addressKey } from "../auth/addressKey.ts";
import { withinLimit } from "../auth/limiter.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { RequestContext } from "../context.ts";
import { UniqueViolation, batch } from "../db/client.ts";
import { AppError, tooManyRequests } from "../errors.ts";
import { requireUtf8, useBody } from "../http/body.ts";
import type { Env } from "../http/environment.ts";
import { loaded } from "../loaded.ts";
import { log } from "../log.ts";
import { readDiscovery, readKeys } from "../oidc/discover.ts";
import { readToken } from "../oidc/jwt.ts";
import { algorithms } from "../oidc/keys.ts";
import { OAuthFault, asOAuth } from "../oidc/oauthFault.ts";
import { SESSION_NAME } from "../sessions/open.ts";
import { accessTokens } from "../tokens/table.ts";
import { sessionIn } from "./claims.ts";
import { providersAt } from "./flow.ts";
import type { Provider } from "./provider.ts";
import { usedSignIns } from "./table.ts";

/** Maximum number of bytes of the body. */
const MOST_BYTES = 16 * 1024;
/** A logout token is sent at once. Seconds of its age, and by which the clock of a provider may differ. */
const MOST_AGE = 600;
const LEEWAY = 60;
/** Maximum number of ids of sessions that an event names. */
const MOST_NAMED = 20;
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const TYPES = new Set(["jwt", "logout+jwt"]);

const keySets = loaded(() => import("jose/jwks/local"));
const verification = loaded(() => import("jose/jwt/verify"));

/** The claims of a logout token. At least one of `sub` and `sid` is there. */
interface Logout {
  sub: string | undefined;
  sid: string | undefined;
  jti: string;
}

/**
 * Ends sessions whose person has signed out at the identity provider (OpenID Connect Back-Channel Logout 1.0). The token is verified by the keys of a
 * connection, so only the provider can end what its connection opened. @throws OAuthFault, and nothing else that a request can cause
 */
export async function serveLogout(c: Context<Env>): Promise<Response> {
  c.set("route", "/login/{place}/sso/backchannel-logout");
  const ctx = c.get("request");
  try {
    const token = await tokenIn(c.req.raw);
    const provider = await providerOf(ctx, c.get("params")["place"] ?? "", token);
    if (!(await withinLimit(ctx.env.TOKEN_EXCHANGES, `logout ${provider.id} ${addressKey(ctx.address)}`))) throw tooManyRequests(60);
    await end(ctx, provider, await verify(ctx, provider, token));
    return c.body(null, 200);
  } catch (error) {
    throw error instanceof AppError ? asOAuth(error) : error;
  }
}

const invalid = (why: string) => new OAuthFault("invalid_request", why);

async function tokenIn(request: Request): Promise<string> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get("Content-Type") ?? "")) throw invalid("A form is expected.");
  const tokens = new URLSearchParams(await useBody(request, MOST_BYTES, ({ bytes }) => requireUtf8(bytes))).getAll("logout_token");
  if (tokens.length !== 1) throw invalid("The form must have the member logout_token once.");
  return tokens[0]!;
}

/** The connection by whose keys the token has to be verified. Nothing but this choice rests on claims that are not verified yet. */
async function providerOf(ctx: RequestContext, place: string, token: string): Promise<Provider> {
  const unchecked = readToken(token);
  if (typeof unchecked === "string") throw invalid(unchecked);
  const { issuer, claims } = unchecked;
  const audiences = Array.isArray(claims["aud"]) ? (claims["aud"] as unknown[]) : [claims["aud"]];
  const found = (await providersAt(ctx, place)).find(
    (provider) => provider.kind === "oidc" && provider.issuer === issuer && audiences.includes(provider.clientId),
  );
  if (!found) throw invalid("No connection here has the issuer (iss) and the client id (aud) of the token.");
  return found;
}

async function verify(ctx: RequestContext, provider: Provider, token: string): Promise<Logout> {
  const keys = await keysOf(ctx, provider);
  const [{ createLocalJWKSet }, { jwtVerify }] = [await keySets(), await verification()];
  const options = { algorithms, issuer: provider.issuer, audience: provider.clientId, clockTolerance: LEEWAY, maxTokenAge: MOST_AGE };
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys }), {
    ...options,
    currentDate: new Date(ctx.now),
  }).catch((error: unknown) => {
    const { code = (error as Error).name, message } = error as Error & { code?: string };
    log("logout refused", { requestId: ctx.requestId, provider: provider.id, detail: `${code}: ${message}` });
    throw invalid("The token is not valid: its signature, its issuer, its audience or its times do not fit.");
  });
  const type = (protectedHeader.typ ?? "JWT").toLowerCase().replace(/^application\//, "");
  if (!TYPES.has(type)) throw invalid("The type (typ) of the token is not that of a logout token.");
  const events = payload["events"];
  const event =
    typeof events === "object" && events !== null && Object.hasOwn(events, EVENT) ? (events as Record<string, unknown>)[EVENT] : null;
  if (typeof event !== "object" || event === null || Array.isArray(event)) throw invalid(`The token has no event ${EVENT}.`);
  // An ID token has a nonce, and must not be used as a logout token.
  if (payload["nonce"] !== undefined) throw invalid("A logout token must not have a nonce.");
  const { jti, sub } = payload;
  if (typeof jti !== "string" || jti === "" || jti.length > 255) throw invalid("The token has no id (jti).");
  const sid = payload["sid"] === undefined ? undefined : sessionIn(payload["sid"]);
  if (sid === undefined && (payload["sid"] !== undefined || typeof sub !== "string" || sub === ""))
    throw invalid("The token names no subject (sub) and no session (sid).");
  return { sub, sid, jti };
}

/** The keys are read for each logout, so a rotation of the provider's keys needs no action. */
async function keysOf(ctx: RequestContext, provider: Provider) {
  try {
    const { jwks_uri: address } = await readDiscovery(ctx, provider.issuer);
    return await readKeys(ctx, typeof address === "string" ? address : "");
  } catch (error) {
    if (!(error instanceof AppError && error.status === 400)) throw error;
    throw new OAuthFault("temporarily_unavailable", "The keys of the provider cannot be read.", 503, { "Retry-After": "30" });
  }
}

/** SQL condition on a row of `access_tokens`: a session that the provider itself opened, and that the logout is about. */
function isMeant({ id, issuer }: Provider, { sub, sid }: Logout): SQL {
  const of = (which: SQL) =>
    sql`${accessTokens.identityId} IN (SELECT identities.id FROM identities WHERE connection_id = ${id} AND issuer = ${issuer} AND ${which})`;
  const ofSubject = of(sub === undefined ? sql`0` : sql`subject = ${sub}`);
  const about =
    sid === undefined
      ? ofSubject
      : // A session for which the provider has sent no id may be this one.
        sql`(${accessTokens.providerSession} = ${sid} AND ${of(sql`1`)} OR ${accessTokens.providerSession} IS NULL AND ${ofSubject})`;
  return and(eq(accessTokens.kind, "session"), isNull(accessTokens.madeWith), isNull(accessTokens.deletedAt), about)!;
}

/** Ends the sessions in the database first, then in the cache. @throws 400 for a token that was used before */
async function end(ctx: RequestContext, provider: Provider, logout: Logout): Promise<void> {
  const { db } = ctx.store;
  const [open] = await batch(ctx.store, [
    db
      .select({
        id: accessTokens.id,
        hash: accessTokens.hash,
        login: sql<string>`(SELECT login FROM users WHERE users.id = access_tokens.user_id)`.as("person_login"),
        name: sql<string>`(SELECT name FROM users WHERE users.id = access_tokens.user_id)`.as("person_name"),
        orgIds:
          sql<string>`(SELECT json_group_array(org_id) FROM members WHERE members.user_id = access_tokens.user_id AND accepted_at IS NOT NULL)`.as(
            "person_orgs",
          ),
      })
      .from(accessTokens)
      .where(isMeant(provider, logout)),
  ]);
  const these = sql`${accessTokens.id} IN (SELECT value FROM json_each(${JSON.stringify(open.map(({ id }) => id))})) AND ${accessTokens.deletedAt} IS NULL`;
  const byPerson = [...Map.groupBy(open, ({ login }) => login).values()];
  const events = byPerson.flatMap((sessions) => {
    const { id, login, name, orgIds } = sessions[0]!;
    const who = { userLogin: login, userName: name, tokenId: id, tokenName: SESSION_NAME };
    const ids = sessions.slice(0, MOST_NAMED).map((session) => session.id);
    const more = sessions.length > ids.length ? ` and ${sessions.length - ids.length} more` : "";
    const description = `Ended console sessions, because ${login} signed out at "${provider.name}": ${ids.join(", ")}${more}.`;
    const places = provider.org ? [provider.org.id] : (JSON.parse(orgIds) as string[]);
    return places.map((orgId) => auditEvent(ctx, orgId, who, { event: "user-session-ended", description }));
  });
  try {
    await batch(ctx.store, [
      db.insert(usedSignIns).values({ id: `logout ${provider.id} ${logout.jti}`, endsAt: ctx.now + (MOST_AGE + 2 * LEEWAY) * 1000 }),
      ...events.map((event) => auditIf(ctx.store, event, sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${these})`)),
      db.update(accessTokens).set({ deletedAt: ctx.now }).where(these),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw invalid("The token was used before.");
    throw error;
  }
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    open.map(({ hash }) => hash),
  );
  if (events.length > 0) relaySoon(ctx, ...events);
}
