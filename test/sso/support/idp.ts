import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { Document } from "../../support/document.ts";
import { type Call, ok } from "../../support/client.ts";
import type { World } from "../../support/world.ts";
import { env } from "cloudflare:workers";
import { type SigningKey, nowInSeconds, sharedKey } from "../../oidc/support/idp.ts";

export type Claims = Record<string, unknown>;
const SITE = "https://stackpass.test";
const DOCUMENTS = (env as unknown as { DOCUMENTS: string }).DOCUMENTS;

/** A browser with cookies. It follows only the redirect to a refused form by itself. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Each browser has an address of its own, because sign-ins are limited by address. */
  readonly #address = `2001:db8:${[...crypto.getRandomValues(new Uint16Array(2))].map((part) => part.toString(16)).join(":")}::1`;

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { headers });
  }

  async post(path: string, form: Record<string, string>): Promise<Response> {
    const body = String(new URLSearchParams(form));
    const headers = {
      "Content-Type": "application/x-www-form-urlencoded",
      "Content-Length": String(body.length),
      Origin: SITE,
      "Sec-Fetch-Site": "same-origin",
    };
    const answer = await this.#send(path, { method: "POST", body, headers });
    // A form that is refused is shown again at the address of its page.
    return this.cookies.has("__Host-stackpass-refused") ? this.get(answer.headers.get("Location")!) : answer;
  }

  /** Sends a form from a page of another site. The cookies are `Lax`, so the browser sends none of them. */
  async foreignPost(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const body = String(new URLSearchParams(form));
    const all = {
      "Content-Type": "application/x-www-form-urlencoded",
      "Content-Length": String(body.length),
      Origin: "https://idp.example",
      "Sec-Fetch-Site": "cross-site",
      Cookie: "",
      ...headers,
    };
    return this.#send(path, { method: "POST", body, headers: all });
  }

  async #send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await exports.default.fetch(path.startsWith("http") ? path : SITE + path, {
      redirect: "manual",
      ...init,
      headers: { Accept: "text/html", "CF-Connecting-IP": this.#address, ...(cookie && { Cookie: cookie }), ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (/Max-Age=0/.test(set)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** The page of an answer that must have that status. */
  async shown(answer: Promise<Response> | Response, status = 200): Promise<string> {
    const response = await answer;
    const text = await response.text();
    expect(response.status, text).toBe(status);
    return text;
  }

  /** The path to which an answer redirects. */
  async led(answer: Promise<Response> | Response): Promise<string> {
    const response = await answer;
    expect([302, 303], await response.clone().text()).toContain(response.status);
    return response.headers.get("Location")!;
  }

  get session(): string | undefined {
    return this.cookies.get("__Host-stackpass");
  }
}

export interface TokenAnswer {
  claims?: Claims;
  header?: Claims;
  key?: SigningKey;
  /** An answer in place of the whole usual one. */
  document?: Document;
  /** A text in place of the ID token. */
  idToken?: string;
}

/** An identity provider: a discovery document, keys, and an answer of the token endpoint that the test chooses. */
export class FakeIdp {
  readonly url = `${DOCUMENTS}/${crypto.randomUUID()}`;
  readonly clientId = "stackpass";

  static async start(discovery: Record<string, unknown> = {}): Promise<FakeIdp> {
    const idp = new FakeIdp();
    await idp.publish(discovery);
    await idp.put("/keys", { body: JSON.stringify({ keys: [(await sharedKey()).jwk] }) });
    return idp;
  }

  async publish(discovery: Record<string, unknown> = {}): Promise<void> {
    const document = {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      jwks_uri: `${this.url}/keys`,
      id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
      authorization_response_iss_parameter_supported: true,
      ...discovery,
    };
    await this.put("/.well-known/openid-configuration", { body: JSON.stringify(document) });
  }

  async put(path: string, document: Document): Promise<void> {
    await fetch(this.url + path, { method: "PUT", body: JSON.stringify(document) });
  }

  /** The answer of the token endpoint for one sign-in. */
  async answerWith(nonce: string, { claims = {}, header = {}, key, document, idToken }: TokenAnswer): Promise<void> {
    if (document) return this.put("/token", document);
    const all = { iss: this.url, aud: this.clientId, iat: nowInSeconds(), exp: nowInSeconds() + 300, nonce, ...claims };
    const token = idToken ?? (await (key ?? (await sharedKey())).sign(all, header));
    const body = JSON.stringify({ access_token: "at", token_type: "Bearer", id_token: token });
    return this.put("/token", { headers: { "Content-Type": "application/json" }, body });
  }

  /** Takes a browser to the provider and back. @returns the answer of the callback */
  async visit(browser: Browser, start: string, answer: TokenAnswer, change: (back: URL) => void = () => undefined): Promise<Response> {
    const there = new URL(await browser.led(browser.get(start)));
    const at = there.searchParams;
    expect(there.origin + there.pathname).toBe(`${this.url}/authorize`);
    expect([at.get("response_type"), at.get("code_challenge_method"), at.get("client_id")]).toEqual(["code", "S256", this.clientId]);
    await this.answerWith(at.get("nonce")!, answer);
    const back = new URL(at.get("redirect_uri")!);
    for (const [name, value] of Object.entries({ code: "a-code", state: at.get("state")!, iss: this.url }))
      back.searchParams.set(name, value);
    change(back);
    return browser.get(back.href);
  }
}

export const CONNECTIONS = "/api/orgs/acme/sso/connections";
export const DOMAIN = "acme.example";

export interface Connected {
  idp: FakeIdp;
  id: string;
}

/** A connection of acme to a new provider. */
export async function connect(world: World, more: Record<string, unknown> = {}, org = "acme", token = world.admin): Promise<Connected> {
  const idp = await FakeIdp.start();
  const json = {
    name: "Okta",
    issuer: idp.url,
    clientId: idp.clientId,
    clientSecret: "s3cret",
    allowedDomains: [DOMAIN],
    groupClaim: "groups",
    ...more,
  };
  const { id } = await ok<{ id: string }>("POST", `/api/orgs/${org}/sso/connections`, { token, json } satisfies Call);
  return { idp, id };
}

/** Marks a domain as proved; `domains.test.ts` tests the proof itself. */
export const prove = (org = "acme", domain = DOMAIN) =>
  env.DB.prepare(
    "INSERT INTO domains (org_id, domain, challenge, created_at, proven_at, checked_at) SELECT id, ?, 'c', 0, 1, ? FROM organizations WHERE name = ?",
  )
    .bind(domain, Date.now(), org)
    .run();

/** The claims of a person of acme. */
export const eve = (more: Claims = {}): Claims => ({
  sub: "00u-eve",
  email: `eve@${DOMAIN}`,
  email_verified: true,
  name: "Eve Example",
  preferred_username: `eve@${DOMAIN}`,
  ...more,
});

/** Signs a person in through acme's connection for the first time, with a new account. */
export async function join({ idp }: Connected, claims: Claims = eve(), next = "/acme", org = "acme"): Promise<Browser> {
  const browser = new Browser();
  const start = `/login/${org}/sso?next=${encodeURIComponent(next)}`;
  expect(await browser.led(idp.visit(browser, start, { claims }))).toBe("/login/first");
  expect(await browser.led(browser.post("/login/first", { as: "new" }))).toBe(next);
  return browser;
}

/** Signs a known person in. */
export async function signInAgain({ idp }: Connected, claims: Claims = eve(), next = "/acme", org = "acme"): Promise<Browser> {
  const browser = new Browser();
  expect(await browser.led(idp.visit(browser, `/login/${org}/sso?next=${encodeURIComponent(next)}`, { claims }))).toBe(next);
  return browser;
}

export const row = <T>(sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .first<T>();
