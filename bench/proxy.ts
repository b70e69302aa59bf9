/** A proxy that records the requests of a run, their times and their round trips to D1. It can delay requests to simulate a distance. */
import { type IncomingHttpHeaders, Agent, createServer, request as httpRequest } from "node:http";

export interface Seen {
  method: string;
  /** Path without ids and names. */
  route: string;
  /** Milliseconds on the process's clock. */
  started: number;
  ended: number;
  /** Round trips to D1, from the answer's Server-Timing header. */
  d1: number;
  /** How many of them were the look-up of the token's identity: 0 or 1. */
  identity: number;
  /** Round trips to objects, to KV and to R2. */
  object: number;
  kv: number;
  r2: number;
}

export interface CountingProxy {
  url: string;
  seen: Seen[];
  stop: () => void;
}

/** A request as the client sent it. */
export interface Sent {
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * @param delay milliseconds that each request waits before it is passed on
 * @param keep receives each request after its answer
 */
export function countingProxy(target: string, delay = 0, keep?: (sent: Sent, seen: Seen) => void): Promise<CountingProxy> {
  const seen: Seen[] = [];
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    const started = performance.now();
    const { method = "GET", url: path = "/" } = incoming;
    const forwarded = httpRequest(target + path, { method, headers: incoming.headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on("end", () => {
        const one = { method, route: routeOf(path), started, ended: performance.now(), ...roundTripsOf(answer.headers) };
        seen.push(one);
        keep?.({ path, headers: incoming.headers, body: Buffer.concat(body) }, one);
      });
    });
    const body: Buffer[] = [];
    forwarded.on("error", () => outgoing.destroy());
    setTimeout(() => {
      if (keep) incoming.on("data", (chunk: Buffer) => body.push(chunk));
      incoming.pipe(forwarded);
    }, delay);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      resolve({
        url: `http://127.0.0.1:${port}`,
        seen,
        stop: () => {
          server.closeAllConnections();
          server.close();
        },
      });
    });
  });
}

/**
 * The requests that a command waited for, one after the other, with the greatest sum of `weight`: none of them begins before the one before
 * it has ended.
 */
export function chain(seen: Seen[], weight: (request: Seen) => number = () => 1): Seen[] {
  const best: { sum: number; links: Seen[]; ended: number }[] = [{ sum: 0, links: [], ended: -Infinity }];
  for (const request of seen.toSorted((a, b) => a.ended - b.ended)) {
    const before = best.findLast(({ ended }) => ended <= request.started)!;
    const sum = before.sum + weight(request);
    if (sum > best.at(-1)!.sum) best.push({ sum, links: [...before.links, request], ended: request.ended });
  }
  return best.at(-1)!.links;
}

const routeOf = (path: string) =>
  path
    .split("?")[0]!
    .replace(/^(\/api\/stacks)\/[^/]+\/[^/]+\/[^/]+/, "$1/S")
    .replace(/\/(update|preview|refresh|destroy)\/[^/]+/, "/$1/ID");

function roundTripsOf(headers: IncomingHttpHeaders) {
  const timing = String(headers["server-timing"] ?? "");
  const count = (kind: string) => Number(new RegExp(`\\b${kind};desc="(\\d+)"`).exec(timing)?.[1] ?? 0);
  return {
    d1: count("d1"),
    object: count("object"),
    kv: count("kv"),
    r2: count("r2"),
    identity: timing.includes('identity;desc="database"') ? 1 : 0,
  };
}
