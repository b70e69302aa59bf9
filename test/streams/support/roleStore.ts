import { onTestFinished, vi } from "vitest";
import type { ChainRecord } from "../../../src/audit/chain.ts";
import { gunzip, recordsIn } from "./receiver.ts";

/**
 * A store in memory that issues temporary keys for roles at its own address, as MinIO does. Until the test ends, the Worker reaches only
 * this store.
 */
export class RoleStore {
  readonly url: string;
  readonly secret = "the-temporary-secret";
  /** The requests to assume a role. */
  readonly asked: URLSearchParams[] = [];
  readonly objects = new Map<string, Uint8Array>();
  readonly taken: ChainRecord[] = [];
  /** Milliseconds for which a key is valid. */
  lifetime = 3_600_000;
  /** The answer to a request for a role, in place of a key. */
  refusal: { status: number; code: string } | undefined;
  answer: string | undefined;
  /** Whether the keys have expired early. */
  refusesKeys = false;
  #keys = 0;

  private constructor(port: number) {
    this.url = `http://localhost:${port}`;
  }

  static async start(port: number): Promise<RoleStore> {
    const store = new RoleStore(port);
    const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input as Request, init as RequestInit);
      if (new URL(request.url).origin !== store.url) throw new TypeError("Network connection lost.");
      return request.method === "POST" ? store.#assume(await request.text()) : store.#put(request);
    });
    onTestFinished(() => spy.mockRestore());
    return store;
  }

  #assume(body: string): Response {
    const form = new URLSearchParams(body);
    this.asked.push(form);
    if (form.get("Action") !== "AssumeRoleWithWebIdentity") return new Response(null, { status: 400 });
    if (this.answer !== undefined) return new Response(this.answer);
    if (this.refusal) return xml(`<ErrorResponse><Error><Code>${this.refusal.code}</Code></Error></ErrorResponse>`, this.refusal.status);
    const expires = new Date(Date.now() + this.lifetime).toISOString();
    this.#keys++;
    return xml(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
      <AccessKeyId>ASIA${this.#keys}</AccessKeyId><SecretAccessKey>${this.secret}</SecretAccessKey>
      <SessionToken>session/${this.#keys}==</SessionToken><Expiration>${expires}</Expiration>
      </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`);
  }

  async #put(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const authorization = request.headers.get("Authorization") ?? "";
    const isKey = authorization.includes(`Credential=ASIA${this.#keys}/`) && authorization.includes("x-amz-security-token");
    if (!isKey || request.headers.get("X-Amz-Security-Token") !== `session/${this.#keys}==` || this.refusesKeys)
      return xml("<Error><Code>ExpiredToken</Code></Error>", 403);
    const body = new Uint8Array(await request.arrayBuffer());
    this.objects.set(pathname, body);
    if (pathname.endsWith(".jsonl.gz")) this.taken.push(...recordsIn(await gunzip(body)));
    return new Response(null, { headers: { ETag: '"e"' } });
  }
}

const xml = (body: string, status = 200) => new Response(body, { status, headers: { "Content-Type": "text/xml" } });
