import { Agent, request } from "node:http";

export interface Sent {
  method: string;
  /** Sent unchanged. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array | string | undefined;
}

export interface Received {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });

/** Sends a request without normalizing its path and headers. @throws when there is no complete answer within half a minute */
export function send(url: string, { method, path, headers, body }: Sent): Promise<Received> {
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: { ...headers, ...length }, agent, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 30 seconds")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A random address of a documentation network. There are enough of them that only a few requests reach the limit on failures. */
export const anAddress = () => `198.51.${100 + Math.floor(Math.random() * 100)}.${Math.floor(Math.random() * 256)}`;

export const textOf = (body: Sent["body"]): string => (body === undefined ? "" : Buffer.from(body as Uint8Array).toString());
