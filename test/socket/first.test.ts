import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { Server } from "../cli/support/server.ts";

let directory: string;
let server: Server;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "stackpass-first-"));
  server = await Server.start({ directory, bundle: inject("wireBundle"), vars: { ALLOW_PLAIN_HTTP: "true" } });
});
afterEach(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** One path of each part of the Worker, and the status of its answer. */
const firsts: [method: string, path: string, status: number][] = [
  ["GET", "/api/user", 200],
  ["GET", "/healthz", 200],
  ["GET", "/api/user/stacks", 200],
  ["GET", "/api/orgs/acme/tokens", 200],
  ["GET", "/api/nothing", 404],
  ["POST", "/api/oauth/token", 400],
  ["GET", "/scim/v2/acme/Users", 401],
  ["GET", "/signin", 200],
  ["GET", "/acme", 303],
  ["POST", "/login/acme/sso/backchannel-logout", 400],
];

it("answers the first requests of an isolate, which load its parts, at the same time", async () => {
  const Authorization = `token ${server.credentials.organizations["acme"]!["admin"]!}`;
  const asked = [...firsts, ...firsts, ...firsts];
  const answers = await Promise.all(
    asked.map(async ([method, path]) => {
      const isPage = path === "/signin" || path === "/acme";
      const headers = path.startsWith("/scim") ? {} : isPage ? { Accept: "text/html" } : { Authorization };
      const response = await fetch(server.url + path, { method, headers, redirect: "manual" });
      await response.arrayBuffer();
      return [method, path, response.status];
    }),
  );
  expect(answers).toEqual(asked);
});

it("answers a request although the client that first needed the same part has gone away", async () => {
  const gone = new AbortController();
  const first = fetch(`${server.url}/signin`, { signal: gone.signal, headers: { Accept: "text/html" } }).catch(() => undefined);
  const second = fetch(`${server.url}/signin`, { headers: { Accept: "text/html" } });
  gone.abort();
  expect((await second).status).toBe(200);
  await first;
});
