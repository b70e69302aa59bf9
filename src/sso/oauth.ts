import type * as oauth from "oauth4webapi";
import { readDiscovery, readKeys } from "../oidc/discover.ts";
import { algorithms } from "../oidc/keys.ts";
import type { RequestContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { OutgoingFault, callOut, isLocal } from "../http/outgoing.ts";
import { loaded } from "../loaded.ts";
import { type Person, personIn } from "./claims.ts";
import type { Provider } from "./provider.ts";
import { refuseSignIn } from "./refusal.ts";

/** Limits of an answer of a provider, in bytes and milliseconds. An ID token may name hundreds of groups. */
const limits = { most: 256 * 1024, within: 10_000 };
/** Seconds by which the clock of a provider may differ. */
const LEEWAY = 60;

/** The library is loaded with the first sign-in, so that it costs nothing at the start. */
const library = loaded(() => import("oauth4webapi"));

/** The values that were chosen when the browser left for the provider. */
export interface Sent {
  state: string;
  nonce: string;
  verifier: string;
}

export async function newSent(): Promise<Sent> {
  const { generateRandomState, generateRandomNonce, generateRandomCodeVerifier } = await library();
  return { state: generateRandomState(), nonce: generateRandomNonce(), verifier: generateRandomCodeVerifier() };
}

export const challengeOf = async (verifier: string): Promise<string> => (await library()).calculatePKCECodeChallenge(verifier);

/** The address at the provider to which the browser goes. @throws 400 if the provider cannot be read */
export async function authorizationUrl(ctx: RequestContext, provider: Provider, sent: Sent, redirectUri: string): Promise<string> {
  const { authorization_endpoint: endpoint } = await serverOf(ctx, provider);
  const url = new URL(endpoint!);
  const scopes = ["openid", "email", "profile", provider.groupScope].filter(Boolean);
  const parameters = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: redirectUri,
    scope: [...new Set(scopes)].join(" "),
    state: sent.state,
    nonce: sent.nonce,
    code_challenge: await challengeOf(sent.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * The metadata of a provider, read again for each sign-in. Only algorithms that we allow are left: providers announce symmetric ones as well
 * (identity-facts I-5).
 * @throws 400
 */
async function serverOf(ctx: RequestContext, provider: Provider): Promise<oauth.AuthorizationServer> {
  const document = await readDiscovery(ctx, provider.issuer).catch(async (error: unknown) => {
    if (!(error instanceof AppError) || error.status !== 400) throw error;
    throw await refuseSignIn(
      ctx,
      provider,
      `${provider.name} does not answer as it should: ${error.message.replace(/^Bad Request: /, "")}. Try again in a moment, or ask an administrator.`,
    );
  });
  const addresses = ["authorization_endpoint", "token_endpoint", "jwks_uri"];
  const bad = addresses.find((name) => !isAddress(ctx, document[name]));
  if (bad) throw await refuseSignIn(ctx, provider, `The discovery document of ${provider.name} has no valid ${bad}. Ask an administrator.`);
  const announced = document["id_token_signing_alg_values_supported"];
  const allowed = Array.isArray(announced) ? algorithms.filter((algorithm) => announced.includes(algorithm)) : ["RS256"];
  return { ...(document as unknown as oauth.AuthorizationServer), id_token_signing_alg_values_supported: allowed };
}

const isAddress = ({ env }: RequestContext, value: unknown) =>
  typeof value === "string" &&
  value.length <= 2000 &&
  URL.canParse(value) &&
  (value.startsWith("https://") || (isLocal(env) && value.startsWith("http://")));

/**
 * Exchanges the code of a provider's answer for an ID token, and verifies it: the state, the issuer of the answer (RFC 9207), the nonce, the audience, the
 * times and the signature.
 * @throws 400 for everything that does not fit
 */
export async function personFrom(
  ctx: RequestContext,
  provider: Provider,
  answer: URLSearchParams,
  sent: Sent,
  redirectUri: string,
): Promise<Person> {
  const lib = await library();
  const server = await serverOf(ctx, provider);
  const secret = await provider.clientSecret();
  const client: oauth.Client = { client_id: provider.clientId, [lib.clockTolerance]: LEEWAY };
  const options = { [lib.customFetch]: fetchFor(ctx), [lib.allowInsecureRequests]: isLocal(ctx.env) };
  // The default of OAuth is Basic; some servers take the secret in the body only.
  const methods = server.token_endpoint_auth_methods_supported;
  const authentication = !methods || methods.includes("client_secret_basic") ? lib.ClientSecretBasic(secret) : lib.ClientSecretPost(secret);
  const claims = async () => {
    const parameters = lib.validateAuthResponse(server, client, answer, sent.state);
    const response = await lib.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      redirectUri,
      sent.verifier,
      options,
    );
    const result = await lib.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: sent.nonce,
      requireIdToken: true,
    });
    const keys = await readKeys(ctx, server.jwks_uri!);
    // The library does not check the signature by itself (identity-facts L-2). The keys were just read, so a rotation needs nothing.
    await lib.validateApplicationLevelSignature(server, response, {
      ...options,
      [lib.customFetch]: () => Promise.resolve(Response.json({ keys })),
    });
    const idToken = lib.getValidatedIdTokenClaims(result)!;
    const isThin = idToken["email"] === undefined || (provider.groupClaim !== "" && idToken[provider.groupClaim] === undefined);
    if (!isThin || !server.userinfo_endpoint) return { idToken, userInfo: undefined };
    const more = await lib.userInfoRequest(server, client, result.access_token, options);
    return { idToken, userInfo: await lib.processUserInfoResponse(server, client, idToken.sub, more) };
  };
  const { idToken, userInfo } = await claims().catch(async (error: unknown) => {
    throw await explain(ctx, provider, error);
  });
  const person = personIn(provider, idToken, userInfo);
  if (person) return person;
  throw await refuseSignIn(ctx, provider, `The ID token of ${provider.name} has no subject that can be used.`);
}

/** The fetch of the library, with the limits of our own calls. */
const fetchFor =
  (ctx: RequestContext) =>
  async (
    url: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: unknown },
  ): Promise<Response> => {
    const { authorization, ...others } = headers;
    const answer = await callOut(ctx.env, url, limits, {
      method: method === "POST" ? "POST" : "GET",
      headers: others,
      ...(authorization !== undefined && { credentials: { Authorization: authorization } }),
      ...(body !== undefined && body !== null && { body: String(body as URLSearchParams) }),
    });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  };

/** Why a sign-in failed, for the person. Details of the library and of the network are for the log only (identity-facts F-7). */
async function explain(ctx: RequestContext, provider: Provider, error: unknown): Promise<AppError> {
  const { code, message, error: oauthError, cause } = error as Error & { code?: string; error?: string };
  const detail = `${code ?? (error as Error).name}: ${message}${oauthError ? ` (${oauthError.slice(0, 100)})` : ""}`;
  if (error instanceof AppError)
    return refuseSignIn(ctx, provider, `${provider.name} does not answer as it should. Try again in a moment.`, message);
  if (error instanceof OutgoingFault)
    return refuseSignIn(
      ctx,
      provider,
      `${provider.name} did not answer as it should. Try again in a moment.`,
      `${error.reason}: ${message}`,
    );
  if (code === "OAUTH_AUTHORIZATION_RESPONSE_ERROR")
    return refuseSignIn(
      ctx,
      provider,
      oauthError === "access_denied"
        ? `${provider.name} refused the sign-in: you may not be assigned to this application there.`
        : `${provider.name} ended the sign-in with an error. Start again.`,
      detail,
    );
  if (code === "OAUTH_RESPONSE_BODY_ERROR")
    return refuseSignIn(
      ctx,
      provider,
      `${provider.name} did not accept the sign-in of this server. Start again; if it fails again, an administrator has to check the client id, the secret and the redirect address.`,
      detail,
    );
  if (code === undefined && !(cause instanceof Error) && !(error instanceof TypeError)) throw error;
  return refuseSignIn(ctx, provider, `The answer of ${provider.name} is not valid, so nobody was signed in. Start again.`, detail);
}
