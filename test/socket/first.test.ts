import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { Server } from "../cli/support/server.ts";

let directory: string;
let server: Server;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "stackpass-first-"));
  server = await Server.start({ directory, bundle: inject("wireBundle"), vars: { ALLOW_PLAIN_HTTP: "true" } });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A path for each part of the Worker, and the status of its answer. */
const firsts: [method: string, path: string, status: number][] = [
  ["GET", "/signin", 200],
  ["GET", "/acme", 303],
  ["GET", "/scim/v2/acme/Users", 401],
  ["GET", "/api/orgs/acme/tokens", 200],
  ["GET", "/api/user/stacks", 200],
  ["GET", "/api/nothing", 404],
  ["POST", "/api/oauth/token", 400],
  ["POST", "/login/acme/sso/backchannel-logout", 400],
  ["GET", "/healthz", 200],
  ["GET", "/api/user", 200],
];

it("answers the first requests of an isolate at the same time, although clients that needed the same parts first have gone", async () => {
  const Authorization = `token ${server.credentials.organizations["acme"]!["admin"]!}`;
  const send = (method: string, path: string, signal?: AbortSignal) => {
    const isPage = path === "/signin" || path === "/acme";
    const headers: Record<string, string> = isPage ? { Accept: "text/html" } : path.startsWith("/scim/") ? {} : { Authorization };
    return fetch(server.url + path, { method, headers, redirect: "manual", ...(signal && { signal }) });
  };
  const gone = new AbortController();
  const early = firsts.map(([method, path]) => send(method, path, gone.signal).catch(() => undefined));
  const asked = [...firsts, ...firsts, ...firsts];
  const answers = asked.map(async ([method, path]) => {
    const response = await send(method, path);
    await response.arrayBuffer();
    return [method, path, response.status];
  });
  gone.abort();
  expect(await Promise.all(answers)).toEqual(asked);
  await Promise.all(early);
});
