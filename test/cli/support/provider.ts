/** An identity provider on this machine: a certified OpenID provider, which gives a workload a signed token. */
import { type Server as HttpServer, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const CLIENT = { client_id: "pipeline", client_secret: "a-secret-of-this-test-and-of-nothing-else" };

export class IdentityProvider {
  readonly url: string;
  readonly #server: HttpServer;
  #provider: Provider;

  private constructor(url: string, server: HttpServer) {
    this.url = url;
    this.#server = server;
    this.#provider = this.#make();
    server.on("request", (request, response) => void this.#provider.callback()(request, response));
  }

  static async start(): Promise<IdentityProvider> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new IdentityProvider(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
  }

  /** From now on it signs with a new key, and publishes only that one. */
  rotateKeys(): void {
    this.#provider = this.#make();
  }

  /** A token for a pipeline, as a job gets it. */
  async token(audience: string): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        Authorization: `Basic ${btoa(`${CLIENT.client_id}:${CLIENT.client_secret}`)}`,
      },
      body: new URLSearchParams({ grant_type: "client_credentials", resource: audience }),
    });
    const answer = (await response.json()) as { access_token?: string };
    if (!answer.access_token) throw new Error(`the identity provider answered ${response.status}: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #make(): Provider {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return new Provider(this.url, {
      clients: [{ ...CLIENT, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: crypto.randomUUID() }] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: "", accessTokenFormat: "jwt", accessTokenTTL: 300, jwt: { sign: { alg: "RS256" } } }),
        },
      },
      extraTokenClaims: () => ({ sub: "pipeline", repository: "acme/shop", ref: "refs/heads/main" }),
    });
  }
}
