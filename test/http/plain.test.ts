import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const send = (url: string, init: RequestInit = {}) =>
  exports.default.fetch(url, { redirect: "manual", ...init, headers: { Authorization: `token ${world.admin}`, ...init.headers } });

describe("plain HTTP", () => {
  it.each([
    ["GET", "/api/user"],
    ["POST", "/api/orgs/acme/tokens"],
    ["GET", "/api"],
    ["GET", "/healthz"],
    ["POST", "/signin"],
    ["DELETE", "/anything"],
    ["POST", "/api/token-leaks"],
  ])("is refused, and does nothing: %s %s", async (method, path) => {
    await changesNothing(async () => {
      const response = await send(`http://stackpass.test${path}`, { method, ...(method === "POST" && { body: '{"name":"ci"}' }) });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        code: 400,
        message:
          "Bad Request: plain HTTP is not accepted, use https://stackpass.test. Replace an access token that was sent without TLS: others may have read it.",
      });
    });
  });

  it("is refused under a lease, too", async () => {
    await newStack(world.admin);
    const { path, lease } = await startUpdate(world.admin);
    const headers = { Authorization: `update-token ${lease}` };
    const body = '{"status":"succeeded"}';
    expect((await send(`http://stackpass.test${path}/complete`, { method: "POST", headers, body })).status).toBe(400);
    expect((await send(`https://stackpass.test${path}/complete`, { method: "POST", headers, body })).status).toBe(204);
  });

  it.each(["/", "/acme/~/tokens?a=b", "/signin", "/nowhere"])("leads a browser to HTTPS: %s", async (path) => {
    const response = await send(`http://stackpass.test${path}`, { headers: { Accept: "text/html" } });
    expect([response.status, response.headers.get("Location")]).toEqual([308, `https://stackpass.test${path}`]);
  });

  it.each(["http://localhost", "http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787", "http://stackpass.localhost"])(
    "is answered on the caller's own machine: %s",
    async (origin) => {
      expect((await send(`${origin}/api/user`)).status).toBe(200);
    },
  );

  it.each(["http://127.0.0.1.example.com", "http://localhost.example.com", "http://128.0.0.1", "http://evil-localhost", "http://[::2]"])(
    "is refused where a host only looks local: %s",
    async (origin) => {
      expect((await send(`${origin}/api/user`)).status).toBe(400);
    },
  );

  it("is answered where the operator allows it", async () => {
    for (const [value, status] of [
      ["true", 200],
      ["1", 400],
      ["", 400],
    ] as const) {
      Object.assign(env, { ALLOW_PLAIN_HTTP: value });
      onTestFinished(() => void delete env.ALLOW_PLAIN_HTTP);
      expect((await send("http://stackpass.test/api/user")).status).toBe(status);
    }
  });

  it("leaves no event, because the caller is unknown", async () => {
    expect(await eventsOf(() => send("http://stackpass.test/api/orgs/acme/tokens"))).toEqual([]);
  });
});
