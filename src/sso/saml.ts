import type { Context } from "hono";
import * as z from "zod/mini";
import { addressKey } from "../auth/addressKey.ts";
import { withinLimit } from "../auth/limiter.ts";
import { toBase64url, toHex } from "../bytes/base64.ts";
import type { RequestContext } from "../context.ts";
import { AppError, notFound, tooManyRequests, unavailable } from "../errors.ts";
import { originOf } from "../http/origin.ts";
import { logError } from "../log.ts";
import type { SamlFacts, SamlMetadata, SamlRefusal, SamlService } from "../samlService.ts";
import { type Arrival, admit, arrivalParts, departureParts, departureTo, placeOf, startAgain } from "./admit.ts";
import { type Provider, findProvider, providersOf } from "./provider.ts";
import { refuseSignIn } from "./refusal.ts";
import { personOf } from "./samlClaims.ts";
import { acsUrlFor, samlRequestUrl } from "./samlTexts.ts";
import { dropSealed, keepSealed, openSealed, useUp } from "./seal.ts";

/** The refusal of a call that needs the second Worker in a deployment without one. */
export const NO_SAML =
  "This server does not have the second Worker that SAML needs. The operator adds it with `npm run deploy -- --saml`, see docs/sso.md. Without it, SAML works through a bridge to OpenID Connect.";

/** Kept in the browser while it is at the provider: the request whose answer is expected. */
const Departure = z.object({ ...departureParts, requestId: z.string(), relayState: z.string() });
/** Kept in the browser between the form of the provider and the page after it. */
const SamlArrival = z.object({ ...arrivalParts, inResponseTo: z.nullable(z.string()), relayState: z.string() });

/** Clocks of isolates differ, so a used assertion is remembered a little longer than it would be accepted. Milliseconds. */
const REMEMBERED_LONGER = 60_000;
/** The `RelayState` that is kept in a cookie. Ours is shorter; a provider that begins a sign-in sends a path in it. */
const RELAY_STATE = /^[\x21-\x7e]{1,500}$/;

const randomText = () => toBase64url(crypto.getRandomValues(new Uint8Array(24)));

/** Asks the second Worker. @throws 404 if there is none, 503 if it does not answer */
async function ask<T>(env: RequestContext["env"], work: (service: SamlService) => Promise<T>): Promise<T> {
  if (!env.SAML) throw new AppError(404, NO_SAML);
  try {
    return await work(env.SAML);
  } catch (error) {
    logError("saml service failed", error);
    throw unavailable("the second Worker for SAML");
  }
}

/** Reads the metadata of a provider. @throws 400 for metadata that cannot be used, 404 without the second Worker */
export async function readSamlMetadata(ctx: Pick<RequestContext, "env">, xml: string): Promise<SamlMetadata> {
  const answer = await ask(ctx.env, (service) => service.readMetadata(xml));
  if (isRefused(answer)) throw new AppError(400, answer.sentence);
  return answer;
}

const isRefused = (answer: object): answer is SamlRefusal => "refused" in answer;

/** Sends the browser to a provider by SAML. @returns the address */
export async function departToSaml(ctx: RequestContext, c: Context, provider: Provider, next: string): Promise<string> {
  if (!ctx.env.SAML) throw new AppError(404, NO_SAML);
  // An id of SAML begins with a letter or `_`.
  const sent = { requestId: `_${randomText()}`, relayState: randomText() };
  const origin = originOf(ctx.env, c.req);
  await keepSealed(ctx, c, "sign-in", { ...departureTo(provider, next), ...sent });
  return samlRequestUrl({
    id: sent.requestId,
    ssoUrl: provider.saml!.ssoUrl,
    acsUrl: acsUrlFor(placeOf(provider), origin),
    entityId: provider.clientId,
    relayState: sent.relayState,
    now: ctx.now,
  });
}

/**
 * Takes the form that a provider let the browser send. The form comes from another site, so the browser does not send the cookie of the request with it. What
 * the form says is therefore verified, sealed into a cookie and used on the next page only, which the browser opens with both cookies.
 * @throws 400, 404, 429, 503
 */
export async function receiveSaml(ctx: RequestContext, c: Context, place: string, form: Record<string, string>): Promise<void> {
  if (!(await withinLimit(ctx.env.FAILED_CREDENTIALS, `saml ${addressKey(ctx.address)}`))) throw tooManyRequests(60);
  const providers = place.startsWith("~") ? [] : (await providersOf(ctx, place)).filter(({ kind }) => kind === "saml");
  const [oldest] = providers;
  if (!oldest) throw notFound("Single sign-on by SAML of this name");
  const acsUrl = acsUrlFor(place, originOf(ctx.env, c.req));
  const answer = await ask(ctx.env, (service) =>
    service.verify({
      response: form["SAMLResponse"] ?? "",
      acsUrl,
      now: ctx.now,
      candidates: providers.map(({ id, issuer, clientId, saml }) => ({
        connectionId: id,
        issuer,
        audience: clientId,
        certificates: saml!.certificates,
      })),
    }),
  );
  if (isRefused(answer))
    throw await refuseSignIn(ctx, oldest, `${answer.sentence} Nobody was signed in.`, `${answer.refused}: ${answer.sentence}`);
  const provider = providers.find(({ id }) => id === answer.connectionId)!;
  if (answer.inResponseTo === null && !provider.saml!.idpInitiated)
    throw await refuseSignIn(
      ctx,
      provider,
      `${provider.name} may not begin a sign-in. Begin it on the sign-in page of this server, or ask an administrator to allow it for the connection.`,
      "the answer belongs to no request, and the connection does not allow that",
    );
  if (!(await useAssertion(ctx, answer)))
    throw await refuseSignIn(
      ctx,
      provider,
      "This answer of the identity provider was already used. Sign in again.",
      "the assertion was already used",
    );
  const relayState = form["RelayState"] ?? "";
  await keepSealed(ctx, c, "saml", {
    ...departureTo(provider, "/"),
    version: provider.version,
    person: personOf(provider, answer),
    inResponseTo: answer.inResponseTo,
    relayState: RELAY_STATE.test(relayState) ? relayState : "",
  });
}

/** Uses up an assertion, so that a copy of the form has no effect. @returns whether it was unused */
async function useAssertion(ctx: RequestContext, { connectionId, assertionId, usableUntil }: SamlFacts): Promise<boolean> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify([connectionId, assertionId])));
  return useUp(ctx, { id: `saml-${toHex(hash)}`, endsAt: usableUntil + REMEMBERED_LONGER });
}

/** The person has to confirm a sign-in that the provider began. */
export interface Unsolicited {
  /** Names this answer, so that no other one can take its place before the person confirms it. */
  arrivalId: string;
  provider: Provider;
  person: { email: string; userName: string; subject: string };
}

/**
 * Goes on with what the form said. An answer to a request counts only in the browser that has the request. If the provider began the sign-in, the person
 * confirms it, so that nobody is led into the account of somebody else unnoticed.
 * @param confirmedId the answer that the person has confirmed
 * @param nextOf the path of this site that a `RelayState` of the provider means
 * @throws 400, 403, 409
 */
export async function arriveFromSaml(
  ctx: RequestContext,
  c: Context,
  place: string,
  confirmedId: string | undefined,
  nextOf: (relayState: string) => string,
): Promise<Arrival | Unsolicited> {
  const arrival = await openSealed(ctx, c, "saml", SamlArrival);
  const provider = arrival && (await findProvider(ctx, arrival.orgName, arrival.providerId));
  if (!arrival || !provider || provider.version !== arrival.version || placeOf(provider) !== place) throw startAgain();
  const { person, inResponseTo, relayState } = arrival;
  if (inResponseTo === null && confirmedId === undefined) return { arrivalId: arrival.id, provider, person };
  if (inResponseTo === null && confirmedId !== arrival.id) throw startAgain();
  dropSealed(c, "saml");
  let next = nextOf(relayState);
  if (inResponseTo !== null) {
    const departure = await openSealed(ctx, c, "sign-in", Departure);
    dropSealed(c, "sign-in");
    const isAnswered =
      departure?.requestId === inResponseTo && departure.relayState === relayState && departure.providerId === arrival.providerId;
    if (!isAnswered || !(await useUp(ctx, departure))) throw startAgain();
    ({ next } = departure);
  }
  if (!(await useUp(ctx, arrival)) || (person.sessionEndsAt !== undefined && person.sessionEndsAt <= ctx.now)) throw startAgain();
  return admit(ctx, c, provider, person, next);
}
