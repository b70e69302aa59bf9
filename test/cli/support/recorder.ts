import { Agent, type IncomingHttpHeaders, type IncomingMessage, type Server as HttpServer, createServer, request as ask } from "node:http";
import { gunzipSync } from "node:zlib";
import type { Exchange } from "../../recordings/recording.ts";

/** A request and its answer as they were sent, before secrets and random parts are removed. */
interface Raw {
  method: string;
  path: string;
  authorization: string;
  userAgent: string;
  gzip: boolean;
  request: unknown;
  status: number;
  answer: unknown;
}

/** Journal entries, or a whole checkpoint. */
export interface StateWrite {
  entries?: Entry[];
  deployment?: { resources?: { urn: string }[] };
}

export interface Entry {
  kind: number;
  sequenceID: number;
  state?: { urn: string };
  operation?: object;
}

/** Forwards requests between a CLI and the server, and records them with their answers. */
export class Recorder {
  readonly #server: HttpServer;
  #raw: Raw[] = [];
  #onRequest: (count: number) => void = () => undefined;
  readonly #target: string;
  #begun = 0;
  readonly #underWay = new Set<Promise<unknown>>();
  #agent = newAgent();
  url = "";
  /** Requests that the server did not answer, with the errors. */
  broken: string[] = [];

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      const passed = this.#pass(request);
      this.#underWay.add(passed);
      const over = () => this.#underWay.delete(passed);
      passed.then(over, over);
      this.#onRequest(++this.#begun);
      passed.then(
        ({ status, headers, body }) => response.writeHead(status, headers).end(body),
        // The server died while it answered.
        (error: unknown) => {
          this.broken.push(`${request.method} ${request.url}: ${String(error)}`);
          request.socket.destroy();
        },
      );
    });
  }

  static async before(target: string): Promise<Recorder> {
    const recorder = new Recorder(target);
    // The timeout is longer than any command: if a connection closed just as the CLI used it again, that would look like a fault.
    recorder.#server.keepAliveTimeout = 600_000;
    await new Promise<void>((listening) => recorder.#server.listen(0, "127.0.0.1", listening));
    recorder.#server.unref();
    recorder.url = `http://127.0.0.1:${(recorder.#server.address() as { port: number }).port}`;
    return recorder;
  }

  async #pass(request: IncomingMessage): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const { method = "GET", url: path = "/", headers } = request;
    const gzip = headers["content-encoding"] === "gzip";
    const passed = Object.entries(headers).filter(
      ([name]) => !["host", "connection", "content-length", "transfer-encoding", "accept-encoding"].includes(name),
    );
    const raw: Raw = {
      method,
      path,
      authorization: headers.authorization ?? "",
      userAgent: headers["user-agent"] ?? "",
      gzip,
      request: fromJson(gzip ? gunzipSync(sent) : sent),
      status: 0,
      answer: undefined,
    };
    this.#raw.push(raw);
    const answer = await forward(this.#agent, `${this.#target}${path}`, method, Object.fromEntries(passed), sent);
    Object.assign(raw, { status: answer.status, answer: fromJson(answer.body) });
    return { status: answer.status, headers: answer.type ? { "Content-Type": answer.type } : {}, body: answer.body };
  }

  /** URNs of resources in the state writes that the server has acknowledged until now. */
  acknowledged(): string[] {
    return this.#raw
      .filter(({ method, status }) => method === "PATCH" && status === 204)
      .flatMap(({ request }) => {
        const { entries = [], deployment } = request as StateWrite;
        return [...entries.filter(({ kind }) => kind === 1).map(({ state }) => state), ...(deployment?.resources ?? [])];
      })
      .flatMap((state) => (state ? [state.urn] : []));
  }

  /** State writes in their order: the body, and whether the server acknowledged it. */
  stateWrites(): { acknowledged: boolean; body: StateWrite }[] {
    return this.#raw
      .filter(({ path }) => /\/(journalentries|checkpoint)$/.test(path))
      .map(({ request, status }) => ({ acknowledged: status === 204, body: request as StateWrite }));
  }

  /** The lease of the update that was started last, and the client's request at its end. */
  lastUpdate(): { path: string; lease: string; said?: string } | undefined {
    const started = this.#raw.findLast(({ path, status, answer }) => isStart.test(path) && status === 200 && answer !== undefined);
    if (!started) return undefined;
    const end = this.#raw.findLast(({ path }) => path === `${started.path}/complete`);
    const said = (end?.request as { status: string } | undefined)?.status;
    return { path: started.path, lease: (started.answer as { token: string }).token, ...(said !== undefined && { said }) };
  }

  /**
   * Forgets what was recorded until now.
   * @param onRequest is called when the request of that number, from 1, begins to be passed on
   */
  reset(onRequest: (count: number) => void = () => undefined): void {
    this.#raw = [];
    this.broken = [];
    this.#begun = 0;
    this.#onRequest = onRequest;
  }

  /** Closes the connections to a server that was killed, because otherwise they would be used for the next server. */
  disconnect(): void {
    this.#agent.destroy();
    this.#agent = newAgent();
  }

  /** Waits for the requests that a killed client has still sent. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Number of requests since the last reset. */
  get requests(): number {
    return this.#begun;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  /** Ends the recording. @returns the recording without secrets, random values and names of this machine */
  async stop(): Promise<Exchange[]> {
    this.#server.close();
    const values = new Map<string, string>();
    const counts = new Map<string, number>();
    const seen: string[] = [];
    const name = (value: string, kind: string) => {
      if (value === "" || values.has(value)) return;
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      values.set(value, `{{${kind}${count}}}`);
    };
    for (const raw of this.#raw) {
      const [, token = ""] = raw.authorization.split(" ");
      if (raw.authorization.startsWith("token ") && !values.has(token)) values.set(token, "{{token}}");
      const answer = (raw.answer ?? {}) as { updateID?: string; token?: string; ciphertext?: string; ciphertexts?: string[] };
      if (/\/(update|preview|refresh|destroy)$/.test(raw.path) && answer.updateID) name(answer.updateID, "update");
      if (raw.method === "POST" && answer.token) name(answer.token, "lease");
      for (const cipher of [...(answer.ciphertexts ?? []), ...(answer.ciphertext ? [answer.ciphertext] : [])]) name(cipher, "cipher");
      // An id that the client sent first was made by the client.
      seen.push(JSON.stringify(raw.request) ?? "");
      for (const [id] of (JSON.stringify(raw.answer) ?? "").matchAll(UUID)) {
        if (!seen.some((text) => text.includes(id))) name(id, "id");
      }
    }
    const replace = (text: string) => [...values].reduce((sum, [value, placeholder]) => sum.replaceAll(value, placeholder), text);
    const clean = (value: unknown, time: unknown) =>
      value === undefined
        ? undefined
        : (JSON.parse(replace(JSON.stringify(value)).replaceAll(this.url, "https://stackpass.test"), tidy(time)) as unknown);
    return this.#raw.map((raw) => ({
      method: raw.method,
      path: replace(raw.path),
      authorization: replace(raw.authorization),
      userAgent: raw.userAgent,
      ...(raw.gzip && { gzip: true as const }),
      request: clean(raw.path.endsWith("/events/batch") ? shortened(raw.request) : raw.request, undefined),
      status: raw.status,
      answer: clean(raw.answer, "{{time}}"),
    }));
  }
}

/**
 * Idle connections are closed before the 15 seconds after which workerd closes them, so that no request is sent on a connection that is
 * being closed.
 */
const newAgent = () => new Agent({ keepAlive: true, timeout: 5000 });

interface Answer {
  status: number;
  type: string | undefined;
  body: Buffer;
}

const forward = (agent: Agent, url: string, method: string, headers: IncomingHttpHeaders, body: Buffer): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const passed = ask(url, { method, headers: { ...headers, "content-length": body.length }, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("end", () =>
        resolve({ status: answer.statusCode ?? 0, type: answer.headers["content-type"], body: Buffer.concat(chunks) }),
      );
    });
    passed.once("error", reject);
    passed.end(body);
  });

const isStart = /\/(update|preview|refresh|destroy)\/[^/]+$/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/;
/** The facts about the CLI's environment that the server may depend on; all others are removed. */
const TOLD = ["pulumi.version", "exec.kind"];

/** Replaces times, paths of this machine, and the code of dynamic providers. */
const tidy = (time: unknown) => (key: string, value: unknown) => {
  if (typeof value === "number" && value > 1.5e9 && value < 1e11) return time ?? 1_767_225_600;
  if (typeof value === "string" && MOMENT.test(value)) return time ?? "2026-01-01T00:00:00Z";
  if (key === "__provider") return "code";
  if (key === "environment" && typeof value === "object") {
    return Object.fromEntries(Object.entries(value as object).filter(([name]) => TOLD.includes(name)));
  }
  if (key === "sourcePosition" || key === "stackTrace" || key === "stack_trace" || key === "source_position") return undefined;
  return value;
};

interface Event {
  sequence: number;
  timestamp: number;
  summaryEvent?: unknown;
  [kind: string]: unknown;
}

/** Shortens engine events, which repeat whole resources and contain internals: the recording keeps what they are about. */
function shortened(request: unknown): { events: object[] } {
  const { events } = request as { events: Event[] };
  return {
    events: events.map(({ sequence, timestamp, summaryEvent, ...kinds }) => ({
      sequence,
      timestamp,
      ...(summaryEvent !== undefined && { summaryEvent }),
      ...Object.fromEntries(Object.entries(kinds).map(([kind, payload]) => [kind, about(payload)])),
    })),
  };
}

function about(payload: unknown): object {
  const { metadata } = payload as { metadata?: { op: string; urn: string; type: string } };
  return metadata ? { metadata: { op: metadata.op, urn: metadata.urn, type: metadata.type } } : {};
}

const fromJson = (bytes: Buffer): unknown => (bytes.length === 0 ? undefined : (JSON.parse(bytes.toString()) as unknown));
