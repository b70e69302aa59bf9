/** A package registry on this machine, in place of the public one. It runs in Node. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Package, type Seen, packagesOf } from "../../support/packages.ts";

export interface Upstream {
  url: string;
  stop: () => void;
}

const PACKAGES = "/api/registry/packages";

/**
 * `GET /requests` lists the requests that arrived, and `DELETE /requests` clears the list. @param plugins folder of archives, `NAME.tar.gz`
 * for the plugin of each package
 */
export async function startUpstream(plugins?: string): Promise<Upstream> {
  let seen: Seen[] = [];
  const server = createServer((request, response) => {
    // Each test has its own base path, and so its own cache.
    const url = new URL((request.url ?? "/").replace(/^\/base-[^/]+/, ""), "http://upstream");
    if (url.pathname === "/requests") {
      if (request.method === "DELETE") seen = [];
      return send(response, 200, seen);
    }
    if (url.pathname.startsWith("/mail/")) return void takeMail(request, response, url.pathname, seen);
    seen.push({ method: request.method ?? "", url: url.pathname + url.search, headers: request.headers });
    const misbehave = misbehaviours[/misbehave-(\w+)/.exec(request.url ?? "")?.[1] ?? ""];
    if (misbehave) return misbehave(response);
    const [, plugin] = /^\/plugins\/pulumi-resource-(\w+)-v/.exec(url.pathname) ?? [];
    if (plugins && plugin) return response.end(readFileSync(join(plugins, `${plugin}.tar.gz`)));
    const packages = packagesOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}/plugins`);
    if (url.pathname === PACKAGES) return list(response, packages, url.searchParams);
    return one(
      response,
      packages,
      url.pathname
        .slice(PACKAGES.length + 1)
        .split("/")
        .map(decodeURIComponent),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  // The registry ends with the process that started it.
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A mail service: it answers with the status in its path. */
async function takeMail(request: IncomingMessage, response: ServerResponse, path: string, seen: Seen[]): Promise<void> {
  const body = (await request.toArray()).join("");
  seen.push({ method: request.method ?? "", url: path, headers: request.headers, body });
  response.writeHead(Number(path.split("/")[2]), { Location: "/elsewhere" }).end("{}");
}

function list(response: ServerResponse, packages: Package[], query: URLSearchParams): void {
  const newest = packages.filter((one, i) => packages.findIndex((other) => other.name === one.name) === i);
  const found = newest.filter(({ name }) => !query.has("name") || name === query.get("name"));
  if (query.get("continuationToken") === "bad") return send(response, 400, { code: 400, message: "Bad continuationToken" });
  const from = Number(query.get("continuationToken") ?? 0);
  const to = from + Number(query.get("limit") ?? 100);
  send(response, 200, { packages: found.slice(from, to), ...(to < found.length && { continuationToken: String(to) }) });
}

function one(response: ServerResponse, packages: Package[], [source, publisher, name, , version]: string[]): void {
  if (source === "locked") return send(response, 403, { code: 403, message: "no" });
  const found = packages.find(
    (pkg) => pkg.source === source && pkg.publisher === publisher && pkg.name === name && (version === "latest" || pkg.version === version),
  );
  send(response, found ? 200 : 404, found ?? { code: 404, message: "Not Found: package version not found" });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

/** Invalid answers of an upstream registry, by a word in the path. */
const misbehaviours: Record<string, (response: ServerResponse) => void> = {
  slowly: () => undefined,
  stalls: (response) => void response.writeHead(200, { "Content-Length": "1000" }).write("{"),
  huge: (response) => {
    const chunk = Buffer.alloc(1024 * 1024, " ");
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once("drain", more);
    };
    response.writeHead(200);
    more();
  },
  redirects: (response) => void response.writeHead(302, { Location: "http://127.0.0.1:1/elsewhere" }).end(),
  fails: (response) => send(response, 500, { code: 500, message: "down" }),
  garbles: (response) => void response.writeHead(200).end("<html>"),
  lies: (response) => send(response, 200, { packages: [{ name: 1 }] }),
  breaks: (response) => void response.destroy(),
};
