/** A client of the wire protocol for one large stack. It never holds a whole state in memory. */
import { Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";
import type { BenchServer } from "./servers.ts";

export class BigClient {
  readonly #server: BenchServer;
  readonly token: string;

  constructor(server: BenchServer) {
    this.#server = server;
    this.token = `token ${server.token}`;
  }

  /** Sends a request. A stream is sent unchanged and any other body as JSON; both are gzipped. */
  async send(method: string, path: string, scheme: string, body?: object): Promise<Response> {
    const zipped = body instanceof Readable ? Readable.toWeb(body.pipe(createGzip({ level: 1 }))) : body && gzipSync(JSON.stringify(body));
    const response = await fetch(`${this.#server.url}${path}`, {
      method,
      headers: { Authorization: scheme, "Content-Type": "application/json", ...(zipped && { "Content-Encoding": "gzip" }) },
      ...(zipped && { body: zipped, duplex: "half" }),
    } as RequestInit);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async start(stack: string, journaling = true): Promise<BigUpdate> {
    const ask = async (path: string, body: object) =>
      (await (await this.send("POST", path, this.token, body)).json()) as Record<string, string>;
    const { updateID } = await ask(`${stack}/update`, { options: {}, config: {}, metadata: {} });
    const path = `${stack}/update/${updateID}`;
    const { token: lease } = await ask(path, journaling ? { journalVersion: 1 } : {});
    return new BigUpdate(this, path, `update-token ${lease}`);
  }
}

export class BigUpdate {
  readonly #client: BigClient;
  readonly #path: string;
  readonly #lease: string;

  constructor(client: BigClient, path: string, lease: string) {
    this.#client = client;
    this.#path = path;
    this.#lease = lease;
  }

  write(kind: "journalentries" | "checkpoint", body: object) {
    return this.#client.send("PATCH", `${this.#path}/${kind}`, this.#lease, body);
  }

  complete() {
    return this.#client.send("POST", `${this.#path}/complete`, this.#lease, { status: "succeeded" });
  }
}

export function entry(sequenceID: number, kind: number, operationID: number, more: object): object {
  return { version: 1, kind, sequenceID, operationID, removeOld: null, removeNew: null, ...more };
}

export const secrets = entry(1, 6, 0, { secretsProvider: { type: "service", state: {} } });

/** The two entries of step number `k`, which replaces the resource at `removeOld`. */
export const same = (k: number, removeOld: number, resource: object) => [
  entry(2 * k + 2, 0, k + 1, {}),
  entry(2 * k + 3, 1, k + 1, { removeOld, state: resource }),
];

/** Checks that an answer has exactly these bytes after its first `"resources":[`. */
export async function expectResources(response: Response, expected: Iterator<Buffer>): Promise<void> {
  let next: Buffer | undefined;
  let before = Buffer.alloc(0);
  let inside = false;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    let bytes = Buffer.from(chunk);
    if (!inside) {
      before = Buffer.concat([before, bytes]);
      const at = before.indexOf('"resources":[');
      if (at < 0) continue;
      bytes = before.subarray(at + 13);
      inside = true;
    }
    while (bytes.length > 0) {
      next = next?.length ? next : ((expected.next().value as Buffer | undefined) ?? undefined);
      if (!next) break;
      const length = Math.min(next.length, bytes.length);
      if (!next.subarray(0, length).equals(bytes.subarray(0, length))) throw new Error("the answer has other resources");
      next = next.subarray(length);
      bytes = bytes.subarray(length);
    }
  }
  if (next?.length || !expected.next().done) throw new Error("the answer has too few resources");
}
