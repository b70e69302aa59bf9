/** An identity provider for people on this machine: a certified OpenID provider, with pages to sign in. */
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

export interface PeopleProvider {
  url: string;
  clientId: string;
  clientSecret: string;
  stop: () => void;
}

export interface ProviderOptions {
  /** The addresses to which it sends browsers back; they may become known after the provider has started, but before its first request. */
  redirectUris: () => string[];
  /** The address to which it reports that a person has signed out. */
  logoutUri?: () => string;
  /** The claims of each name. A visitor who types a name is signed in as that person. */
  people: Record<string, Record<string, unknown>>;
}

export async function startProvider({ redirectUris, logoutUri, people }: ProviderOptions): Promise<PeopleProvider> {
  const client = { client_id: "stackpass", client_secret: "a-secret-of-this-test-and-of-nothing-else" };
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const start = () =>
    new Provider(url, {
      clients: [
        {
          ...client,
          redirect_uris: redirectUris(),
          ...(logoutUri && { backchannel_logout_uri: logoutUri(), backchannel_logout_session_required: true }),
        },
      ],
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "1" }] },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"], groups: ["groups"] },
      scopes: ["openid", "email", "profile", "groups"],
      conformIdTokenClaims: false,
      features: { devInteractions: { enabled: true }, ...(logoutUri && { backchannelLogout: { enabled: true } }) },
      pkce: { required: () => true },
      findAccount: (_ctx: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
      cookies: { keys: ["a-key-of-this-test"] },
      // The provider would wait for only two and a half seconds, which is too short on a busy machine, and would not call servers on this
      // machine.
      fetch: (address: string, { method, headers, body, redirect }: RequestInit) => fetch(address, { method, headers, body, redirect }),
    });
  let provider: Provider | undefined;
  server.on("request", (request, response) => void (provider ??= start()).callback()(request, response));
  return {
    url,
    clientId: client.client_id,
    clientSecret: client.client_secret,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
