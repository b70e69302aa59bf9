import { and, sql } from "drizzle-orm";
import type { Context } from "hono";
import * as z from "zod/mini";
import { addressKey } from "../auth/addressKey.ts";
import { authenticate } from "../auth/authenticate.ts";
import { guard } from "../auth/guard.ts";
import { withinLimit } from "../auth/limiter.ts";
import { type Arrival, admit, arrivalParts, departureParts, departureTo, placeOf, startAgain } from "./admit.ts";
import { type RequestContext, type UserActor, isPerson } from "../context.ts";
import { batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { AppError, badRequest, tooManyRequests } from "../errors.ts";
import { originOf } from "../http/origin.ts";
import { findAccount, findPerson } from "./account.ts";
import type { Person } from "./claims.ts";
import { type Into, enter } from "./enter.ts";
import { githubPerson, githubUrl } from "./github.ts";
import { departToSaml } from "./saml.ts";
import { authorizationUrl, newSent, personFrom } from "./oauth.ts";
import { type Provider, findProvider, providersOf } from "./provider.ts";
import { dropSealed, keepSealed, openSealed, useUp } from "./seal.ts";

const Departure = z.object({
  ...departureParts,
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** The name of the organization that the sign-in makes: the operator began it on the setup page. */
  setup: z.optional(z.string()),
});
const FirstSignIn = z.object({ ...arrivalParts });

const redirectUriOf = (origin: string, provider: Pick<Provider, "org" | "id">) =>
  `${origin}/login/${encodeURIComponent(placeOf(provider))}/sso/callback`;

/** The providers behind the place of a path. */
export async function providersAt(ctx: RequestContext, place: string): Promise<Provider[]> {
  if (!place.startsWith("~")) return providersOf(ctx, place);
  const provider = await findProvider(ctx, null, `deployment-${place.slice(1)}`);
  return provider ? [provider] : [];
}

interface Journey {
  /** The path of the page after the sign-in. */
  next: string;
  /** The name or address that the person has at the provider, if it is known. */
  hint?: string;
  setup?: string;
}

/** Sends the browser to the provider. @returns the address @throws 400, 429 */
export async function depart(ctx: RequestContext, c: Context, provider: Provider, { next, hint, setup }: Journey): Promise<string> {
  if (!(await withinLimit(ctx.env.FAILED_CREDENTIALS, `sign-in ${addressKey(ctx.address)}`))) throw tooManyRequests(60);
  if (provider.kind === "saml") return departToSaml(ctx, c, provider, next);
  const sent = await newSent();
  const redirectUri = redirectUriOf(originOf(ctx.env, c.req), provider);
  const url = new URL(
    provider.kind === "github" ? await githubUrl(provider, sent, redirectUri) : await authorizationUrl(ctx, provider, sent, redirectUri),
  );
  if (hint) url.searchParams.set(provider.kind === "github" ? "login" : "login_hint", hint);
  await keepSealed(ctx, c, "sign-in", {
    ...departureTo(provider, next),
    ...sent,
    ...(setup !== undefined && { setup }),
  });
  return url.href;
}

/** A session was opened, or the person has to say which account is meant, or the setup of the deployment goes on. */
export type FlowArrival = Arrival | { setup: string; provider: Provider; person: Person };

/** Takes the answer of a provider. @throws 400, 403, 409 */
export async function arrive(ctx: RequestContext, c: Context, place: string): Promise<FlowArrival> {
  const departure = await openSealed(ctx, c, "sign-in", Departure);
  dropSealed(c, "sign-in");
  if (!departure || !(await useUp(ctx, departure))) throw startAgain();
  const provider = await findProvider(ctx, departure.orgName, departure.providerId);
  if (!provider || provider.kind === "saml" || placeOf(provider) !== place) throw startAgain();
  const answer = new URL(c.req.url).searchParams;
  const redirectUri = redirectUriOf(originOf(ctx.env, c.req), provider);
  const person = await (provider.kind === "github" ? githubPerson : personFrom)(ctx, provider, answer, departure, redirectUri);
  if (departure.setup !== undefined) return { setup: departure.setup, provider, person };
  return admit(ctx, c, provider, person, departure.next);
}

export interface First {
  provider: Provider;
  person: Person;
  /** Whether the person may have a new account. */
  mayJoin: boolean;
}

/** The contents of the page of a first sign-in. @throws 400 */
export async function readFirst(ctx: RequestContext, c: Context): Promise<First> {
  const { provider, person } = await openFirst(ctx, c);
  const { mayJoin, managedId } = await findPerson(ctx, provider, person);
  return { provider, person, mayJoin: mayJoin && managedId === undefined };
}

async function openFirst(ctx: RequestContext, c: Context) {
  const sealed = await openSealed(ctx, c, "first", FirstSignIn);
  const provider = sealed && (await findProvider(ctx, sealed.orgName, sealed.providerId));
  if (!sealed || !provider || provider.version !== sealed.version) throw startAgain();
  return { ...sealed, provider };
}

/**
 * Finishes a first sign-in, with a new account or with one that the person has just signed in to: by the browser's session, or with a personal token. A
 * credential of one organization does not count, because it does not prove who holds the account.
 * @param holder the person of the browser's session
 */
export async function finishFirst(
  ctx: RequestContext,
  c: Context,
  choice: { as: "new" } | { as: "token"; value: string } | { as: "session"; holder: UserActor | undefined },
): Promise<{ cookie: string; next: string }> {
  const sealed = await openFirst(ctx, c);
  const { provider, person, next } = sealed;
  const found = await findPerson(ctx, provider, person);
  let into: Into = { how: "new" };
  if (choice.as !== "new") {
    const holder = choice.as === "session" ? choice.holder : await holderOf(ctx, choice.value);
    if (!holder || !isPerson(holder) || holder.limits.onlyOrgId !== null)
      throw badRequest(
        "sign in with a personal access token of the account that you want to use. A sign-in through the identity provider of an organization does not count",
      );
    const account = await findAccount(ctx, provider, holder.user.id, holder.token.id);
    if (!account) throw startAgain();
    // Only SCIM can state that the person of this sign-in is the holder of an older credential.
    if (account.isBarred && found.managedId !== account.user.id)
      throw badRequest(
        "this access token is older than the time at which the identity provider deactivated your account, so it links nothing. Ask an administrator",
      );
    into = { how: "linked", account, proof: guard(ctx.store, holder, ctx.now) };
  }
  // The identity may have got an account meanwhile, in another window.
  if (found.known) into = { how: "known", ...found.known };
  if (!(await useUp(ctx, sealed))) throw startAgain();
  const cookie = await enter(ctx, provider, person, found, into);
  dropSealed(c, "first");
  return { cookie, next };
}

/** The person of a personal token that was typed in. @throws 400 */
async function holderOf(ctx: RequestContext, value: string): Promise<UserActor | undefined> {
  const { actor } = await authenticate(ctx, `token ${value.trim()}`, undefined, { fresh: true }).catch((error: unknown) => {
    if (error instanceof AppError && error.status === 401) throw new AppError(400, "This is not a valid access token.");
    throw error;
  });
  return actor.kind === "user" ? actor : undefined;
}

const MOST_TYPED = 254;

/**
 * The name of the organization that a typed name or address leads to; undefined for none. An address leads to the organization that has proved its domain, so
 * the answer does not depend on whether there is such an account (identity-facts O-25).
 */
export async function organizationFor(ctx: RequestContext, typed: string): Promise<string | undefined> {
  const name = typed.trim();
  if (name === "" || name.length > MOST_TYPED) return undefined;
  const domain = name.includes("@") ? name.slice(name.lastIndexOf("@") + 1).toLowerCase() : "";
  const isNamed =
    domain === ""
      ? sql`lower(organizations.name) = lower(${name})`
      : sql`EXISTS (SELECT 1 FROM domains WHERE domains.org_id = organizations.id AND domain = ${domain} AND proven_at IS NOT NULL)`;
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({ name: organizations.name })
      .from(organizations)
      .where(and(isNamed, sql`EXISTS (SELECT 1 FROM connections WHERE connections.org_id = organizations.id AND enabled)`)),
  ]);
  return rows[0]?.name;
}
