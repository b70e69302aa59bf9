/**
 * A replacement for R2 outside workerd: this process serves files over HTTP. The local simulator of R2 would run in the process whose
 * memory is measured, and would change the figures.
 */
import { createReadStream, createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

export async function objectStore(folder: string): Promise<{ url: string; stop: () => void }> {
  mkdirSync(folder, { recursive: true });
  const server = createServer((request, response) => {
    serve(folder, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, stop: () => void (server.closeAllConnections(), server.close()) };
}

/**
 * `PUT /key` replaces a file, `PUT /key?append` appends the next part, `GET /key` reads the file or a range of it, `DELETE /key` removes
 * it.
 */
async function serve(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url!, "http://store");
  const file = join(folder, url.pathname.slice(1).replaceAll("/", "~"));
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  switch (request.method) {
    case "PUT":
      await pipeline(request, createWriteStream(file, { flags: url.searchParams.has("append") ? "a" : "w" }));
      return void response.end();
    case "DELETE":
      rmSync(file, { force: true });
      return void response.end();
    default: {
      const size = statSync(file, { throwIfNoEntry: false })?.size;
      if (size === undefined) return void response.writeHead(404).end();
      const range = first === undefined ? {} : { start: Number(first), end: Number(last) };
      response.writeHead(200, { "X-Size": size });
      await pipeline(createReadStream(file, range), response);
    }
  }
}

/** The module that runs in workerd in front of the bundle. It gives the Worker a bucket that uses this server. */
export const frontOf = (url: string) => `
import worker, { StackCoordinator as Coordinator } from "./index.js";
export { AuditSender } from "./index.js";
const at = (key, more = "") => ${JSON.stringify(url)} + "/" + encodeURIComponent(key) + more;
const send = async (...args) => {
  const response = await fetch(...args);
  if (!response.ok && response.status !== 404) throw new Error("store: " + response.status);
  return response;
};
const bucket = {
  async put(key, body) { await send(at(key), { method: "PUT", body }); return {}; },
  async get(key, { range } = {}) {
    const headers = range ? { Range: "bytes=" + range.offset + "-" + (range.offset + range.length - 1) } : {};
    const response = await send(at(key), { headers });
    return response.status === 404 ? null : Object.assign(response, { key, size: Number(response.headers.get("X-Size")) });
  },
  async delete(key) { await send(at(key), { method: "DELETE" }); },
  async createMultipartUpload(key) {
    await bucket.put(key, "");
    return {
      async uploadPart(partNumber, body) { await send(at(key, "?append"), { method: "PUT", body }); return { partNumber, etag: "" }; },
      async complete() { return {}; },
      abort: () => bucket.delete(key),
    };
  },
};
const ours = (env) => ({ ...env, STATE: bucket });
export class StackCoordinator extends Coordinator {
  constructor(state, env) { super(state, ours(env)); }
}
export default {
  fetch: (request, env, ctx) => worker.fetch(request, ours(env), ctx),
  queue: (messages, env, ctx) => worker.queue(messages, ours(env), ctx),
  scheduled: (event, env, ctx) => worker.scheduled(event, ours(env), ctx),
};
`;
