import type { RequestContext } from "../context.ts";
import { OutgoingFault, callOut } from "../http/outgoing.ts";
import { type Person, addressOf } from "./claims.ts";
import { GITHUB } from "./deployment.ts";
import { type Sent, challengeOf } from "./oauth.ts";
import type { Provider } from "./provider.ts";
import { refuseSignIn } from "./refusal.ts";

/** GitHub signs people in by OAuth, without an ID token (identity-facts O-16). The issuer is the address of the server. */
const limits = { most: 64 * 1024, within: 10_000 };

const apiOf = (issuer: string) => (issuer === GITHUB ? "https://api.github.com" : `${issuer}/api/v3`);

export async function githubUrl(provider: Provider, sent: Sent, redirectUri: string): Promise<string> {
  const url = new URL(`${provider.issuer}/login/oauth/authorize`);
  const parameters = {
    client_id: provider.clientId,
    redirect_uri: redirectUri,
    scope: "read:user user:email",
    state: sent.state,
    code_challenge: await challengeOf(sent.verifier),
    code_challenge_method: "S256",
    allow_signup: "false",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** @throws 400 for everything that does not fit */
export async function githubPerson(
  ctx: RequestContext,
  provider: Provider,
  answer: URLSearchParams,
  sent: Sent,
  redirectUri: string,
): Promise<Person> {
  const code = answer.get("code") ?? "";
  if (answer.get("state") !== sent.state || answer.getAll("state").length !== 1 || answer.getAll("code").length !== 1 || code === "")
    throw await refuseSignIn(
      ctx,
      provider,
      `The answer of ${provider.name} is not valid, so nobody was signed in. Start again.`,
      `no code: ${(answer.get("error") ?? "").slice(0, 100)}`,
    );
  const exchange = {
    client_id: provider.clientId,
    client_secret: await provider.clientSecret(),
    code,
    redirect_uri: redirectUri,
    code_verifier: sent.verifier,
  };
  const token = await read(ctx, provider, `${provider.issuer}/login/oauth/access_token`, { body: String(new URLSearchParams(exchange)) });
  const { access_token: accessToken } = token as { access_token?: unknown };
  // A refusal has the status 200.
  if (typeof accessToken !== "string" || !/^[\x21-\x7e]{1,500}$/.test(accessToken))
    throw await refuseSignIn(
      ctx,
      provider,
      `${provider.name} did not accept the sign-in of this server. Start again; if it fails again, an administrator has to check the client id and the secret.`,
      String((token as { error?: unknown }).error).slice(0, 100),
    );
  const authorization = `Bearer ${accessToken}`;
  const user = (await read(ctx, provider, `${apiOf(provider.issuer)}/user`, { authorization })) as Record<string, unknown>;
  const addresses = await read(ctx, provider, `${apiOf(provider.issuer)}/user/emails`, { authorization });
  const primary = (Array.isArray(addresses) ? (addresses as unknown[]) : []).find(
    (entry): entry is { email: unknown; verified: unknown } =>
      typeof entry === "object" && entry !== null && (entry as { primary?: unknown }).primary === true,
  );
  const { id, login, name } = user;
  // The number stays; a login may pass to another account.
  if (!Number.isSafeInteger(id)) throw await refuseSignIn(ctx, provider, `The answer of ${provider.name} has no account.`);
  const email = addressOf(primary?.email);
  return {
    subject: String(id as number),
    email,
    isVerified: email !== "" && primary?.verified === true,
    name: typeof name === "string" ? name.slice(0, 100) : "",
    userName: typeof login === "string" ? login.slice(0, 100) : "",
    session: "",
    mapped: null,
  };
}

async function read(
  ctx: RequestContext,
  provider: Provider,
  address: string,
  { body, authorization }: { body?: string; authorization?: string },
): Promise<unknown> {
  try {
    const answer = await callOut(ctx.env, address, limits, {
      method: body === undefined ? "GET" : "POST",
      headers: { Accept: "application/json", ...(body !== undefined && { "Content-Type": "application/x-www-form-urlencoded" }) },
      ...(authorization !== undefined && { credentials: { Authorization: authorization } }),
      ...(body !== undefined && { body }),
    });
    const value: unknown = answer.status === 200 ? JSON.parse(new TextDecoder().decode(answer.body)) : null;
    if (typeof value === "object" && value !== null) return value;
    throw new SyntaxError(`the status is ${answer.status}`);
  } catch (error) {
    if (!(error instanceof OutgoingFault || error instanceof SyntaxError)) throw error;
    throw await refuseSignIn(ctx, provider, `${provider.name} did not answer as it should. Try again in a moment.`, error.message);
  }
}
