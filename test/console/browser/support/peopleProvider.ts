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

/**
 * Whoever types a name is signed in as that person.
 * @param people the claims of each name
 */
export async function startProvider(redirectUri: string, people: Record<string, Record<string, unknown>>): Promise<PeopleProvider> {
  const client = { client_id: "stackpass", client_secret: "a-secret-of-this-test-and-of-nothing-else" };
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const provider = new Provider(url, {
    clients: [{ ...client, redirect_uris: [redirectUri] }],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "1" }] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups"],
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    findAccount: (_ctx: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
    cookies: { keys: ["a-key-of-this-test"] },
  });
  server.on("request", (request, response) => void provider.callback()(request, response));
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
