import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, onTestFinished, vi } from "vitest";
import { appendToChains } from "../../../src/audit/append.ts";
import { type ChainRecord, recordOf } from "../../../src/audit/chain.ts";
import { fromBase64, toBase64 } from "../../../src/bytes/base64.ts";
import type { Bindings } from "../../../src/env.ts";
import { type Begun, deliver } from "../../../src/streams/deliver.ts";
import { ok } from "../../support/client.ts";
import { eventually } from "../../support/clock.ts";
import type { World } from "../../support/world.ts";

export const bindings = env as Bindings;
export const STREAMS = "/api/orgs/acme/audit-streams";

/** What a receiver does with one request: it calls `take` or not, and returns the answer or throws. */
export type Mood = (take: () => Promise<Response>, signal: AbortSignal) => Promise<Response>;

/** A destination in memory that accepts the formats of all kinds. */
export class Receiver {
  /** The records as they arrived, including repetitions. */
  readonly taken: ChainRecord[] = [];
  readonly objects = new Map<string, Uint8Array>();
  readonly documents = new Map<string, ChainRecord>();
  readonly requests: Request[] = [];
  /** Verifies the signature of each message, if it is set. */
  secret: string | undefined;
  mood: Mood = (take) => take();
  readonly url: string;

  constructor(port: number) {
    this.url = `http://localhost:${port}`;
  }

  async receive(request: Request): Promise<Response> {
    this.requests.push(request.clone() as Request);
    const body = new Uint8Array(await request.arrayBuffer());
    return this.mood(() => this.#take(request, body), request.signal);
  }

  async #take(request: Request, body: Uint8Array): Promise<Response> {
    const { pathname } = new URL(request.url);
    const text = () => new TextDecoder().decode(body);
    if (request.method === "PUT") {
      if (this.objects.has(pathname) && request.headers.get("If-None-Match") === "*") return new Response(null, { status: 412 });
      this.objects.set(pathname, body);
      if (pathname.endsWith(".jsonl.gz")) this.taken.push(...recordsIn(await gunzip(body)));
      return new Response(null, { headers: { ETag: '"e"' } });
    }
    switch (pathname) {
      case "/services/collector/event":
        this.taken.push(
          ...text()
            .split("\n")
            .map((line) => (JSON.parse(line) as { event: ChainRecord }).event),
        );
        return Response.json({ text: "Success", code: 0 });
      case "/api/v2/logs":
        this.taken.push(...(JSON.parse(await gunzip(body)) as { audit: ChainRecord }[]).map(({ audit }) => audit));
        return Response.json({}, { status: 202 });
      case "/_bulk":
        return this.#index(text());
      default:
        await this.#verify(request, text());
        this.taken.push(...recordsIn(text()));
        return new Response("ok");
    }
  }

  /** Documents by id: each is there once. */
  #index(text: string): Response {
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const items = lines.flatMap((line, i) => {
      if (i % 2 === 1) return [];
      const { _id: id } = line["create"] as { _id: string };
      if (this.documents.has(id)) return [{ create: { status: 409 } }];
      const { "@timestamp": _, ...record } = lines[i + 1]!;
      this.documents.set(id, record as unknown as ChainRecord);
      this.taken.push(record as unknown as ChainRecord);
      return [{ create: { status: 201 } }];
    });
    return Response.json({ errors: items.some(({ create }) => create.status !== 201), items });
  }

  async #verify({ headers }: Request, text: string): Promise<void> {
    if (this.secret === undefined) return;
    const bytes = fromBase64(this.secret.slice("whsec_".length));
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const content = new TextEncoder().encode(`${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`);
    const expected = `v1,${toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, content)))}`;
    if (headers.get("webhook-signature") !== expected) throw new Error("the signature of a message is wrong");
  }
}

export const recordsIn = (text: string): ChainRecord[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ChainRecord);

export const gunzip = (bytes: Uint8Array): Promise<string> =>
  new Response(
    new Blob([bytes as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream("gzip") as unknown as TransformStream<Uint8Array, Uint8Array>),
  ).text();

/** Until the test ends, the Worker reaches only these receivers, and nothing else. */
export function reachable(...receivers: Receiver[]): void {
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as Request, init as RequestInit);
    const receiver = receivers.find(({ url }) => new URL(request.url).origin === url);
    if (!receiver) throw new TypeError("Network connection lost.");
    return receiver.receive(request);
  });
  onTestFinished(() => spy.mockRestore());
}

export interface NewStream {
  id: string;
  secret?: string;
}

/** The settings of a stream to a receiver. */
export const destinations = {
  s3: (url: string) => ({
    kind: "s3",
    url,
    region: "auto",
    bucket: "audit-log",
    prefix: "logs",
    pathStyle: true,
    accessKeyId: "key",
    secretAccessKey: "the-secret-of-s3",
  }),
  https: (url: string) => ({ kind: "https", url: `${url}/in?source=stackpass` }),
  splunk: (url: string) => ({ kind: "splunk", url, token: "the-token-of-splunk", index: "main" }),
  datadog: (url: string) => ({ kind: "datadog", url, apiKey: "the-key-of-datadog" }),
  elastic: (url: string) => ({ kind: "elastic", url, index: "audit", apiKey: "the-key-of-elastic" }),
};
export type Kind = keyof typeof destinations;

export const newStream = (world: World, kind: Kind, receiver: Receiver, more: Record<string, unknown> = {}) =>
  ok<NewStream>("POST", STREAMS, {
    token: world.admin,
    json: { name: `to ${kind}`, destination: destinations[kind](receiver.url), ...more },
  });

const senderOf = (id: string) => bindings.STREAMS.get(bindings.STREAMS.idFromName(id));

/** The alarm of a stream's object, if it is set. */
export async function alarm(id: string): Promise<void> {
  await senderOf(id).wake(id);
  await runDurableObjectAlarm(senderOf(id) as never);
}

/** Until the test ends, no object of a stream works by itself: the test runs each step. */
export function asleep(): void {
  const still = { wake: async () => undefined, changed: async () => undefined };
  const spy = vi.spyOn(bindings.STREAMS, "get").mockReturnValue(still as never);
  onTestFinished(() => spy.mockRestore());
}

const begun = new Map<string, Begun>();
/** Runs one step of a stream, as its object does. */
export const step = (id: string, env = bindings) =>
  deliver(env, id, { begun: begun.get(id), begin: async (one) => void begun.set(id, one), signal: new AbortController().signal });

export const orgId = async () => (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;

/** Waits until every event is in the log. */
export const written = () =>
  eventually(async () => expect(await env.DB.prepare("SELECT count(*) AS n FROM audit_outbox").first("n")).toBe(0));

let made = 0;
/** Writes events into the log of acme, as the queue's consumer does. */
export async function addRecords(count: number, more: Record<string, unknown> = {}): Promise<void> {
  const org = await orgId();
  const events = Array.from({ length: count }, () => ({
    id: `record-${made++}`,
    orgId: org,
    at: Date.UTC(2026, 0, 1) + made,
    event: "stack-update-started",
    description: `Started update ${made} of “web”.`,
    sourceIp: "203.0.113.9",
    userLogin: "acme",
    userName: "acme",
    tokenId: "t",
    tokenName: "ci",
    stack: "web/dev",
    openedWith: "",
    reqOrgAdmin: false,
    reqStackAdmin: false,
    authFailure: false,
    ...more,
  }));
  await appendToChains(bindings, events);
}

/** The whole log of acme as records, in the order of the chain. */
export async function chain(): Promise<ChainRecord[]> {
  const { results } = await env.DB.prepare(
    `SELECT id, org_id AS orgId, at, event, description, source_ip AS sourceIp, user_login AS userLogin, user_name AS userName,
      token_id AS tokenId, token_name AS tokenName, stack, opened_with AS openedWith, req_org_admin = 1 AS reqOrgAdmin,
      req_stack_admin = 1 AS reqStackAdmin, auth_failure = 1 AS authFailure, seq, prev_hash AS prevHash, hash
      FROM audit_events WHERE org_id = ? ORDER BY seq`,
  )
    .bind(await orgId())
    .all<Record<string, unknown>>();
  return results.map((row) =>
    recordOf({
      ...row,
      reqOrgAdmin: row["reqOrgAdmin"] === 1,
      reqStackAdmin: row["reqStackAdmin"] === 1,
      authFailure: row["authFailure"] === 1,
    }),
  );
}

export const rowOf = (id: string) => env.DB.prepare("SELECT * FROM audit_streams WHERE id = ?").bind(id).first<Record<string, unknown>>();
