import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ownPath } from "../../src/console/paths.ts";
import { newVisitor, shown, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

describe("after signing in", () => {
  const elsewhere = [
    "//evil.example",
    "/.//evil.example",
    "/././/evil.example",
    "/x/..//evil.example",
    "/%2e//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "https://evil.example",
    "javascript:alert(1)",
  ];

  it.each(elsewhere)("%s leads to no other site", async (next) => {
    const answer = await newVisitor().post("/signin", { token: world.admin, next });
    expect(answer.status).toBe(303);
    const target = new URL(answer.headers.get("Location")!, "https://stackpass.test/signin");
    expect(target.host).toBe("stackpass.test");
  });

  it("a path of this site is kept, with its query", () => {
    for (const path of ["/", "/acme/~/tokens?filter=all&x=%2F%2Fa", "/acme/a..b/c"]) expect(ownPath(path)).toBe(path);
  });
});

describe("a form", () => {
  const sent = (headers: Record<string, string>) => async () => {
    const visitor = await signIn(world.admin);
    await changesNothing(async () => {
      const answer = await visitor.post("/acme/~/tokens/new", { name: "sneaky", expiry: "never", roleID: "admin" }, headers);
      expect(answer.status).toBe(403);
      await answer.text();
    });
  };
  it.each<[string, Record<string, string>]>([
    ["from another site", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
    ["from a neighbour of this site", { "Sec-Fetch-Site": "same-site", Origin: "https://evil.stackpass.test" }],
    ["from a browser that says nothing of the site, with a foreign origin", { "Sec-Fetch-Site": "", Origin: "https://evil.example" }],
    ["that says both", { "Sec-Fetch-Site": "same-origin", Origin: "https://evil.example" }],
    ["out of the address bar", { "Sec-Fetch-Site": "none", Origin: "https://stackpass.test" }],
  ])("%s does nothing", async (_, headers) => sent(headers)());

  it("of another site cannot sign a visitor in", async () => {
    const answer = await newVisitor().post("/signin", { token: world.stranger }, { "Sec-Fetch-Site": "cross-site" });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("Set-Cookie")).toBeNull();
  });
});

it("the cookie of a session goes to this host only, over TLS, and no script reads it; signing in always makes a new one", async () => {
  const before = await newVisitor().post("/signin", { token: world.admin });
  const cookie = before.headers.getSetCookie().find((set) => set.startsWith("__Host-stackpass="))!;
  for (const flag of ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"]) expect(cookie).toContain(flag);
  expect(cookie).not.toContain("Domain");
  const planted = cookie.split(";")[0]!;
  const again = await newVisitor(planted).post("/signin", { token: world.admin });
  const cookieOf = (answer: Response) =>
    answer.headers
      .getSetCookie()
      .find((set) => set.startsWith("__Host-stackpass="))!
      .split(";")[0];
  expect(cookieOf(again)).not.toBe(planted);
  // The old session is not valid any more.
  expect((await newVisitor(planted).get("/acme/~/tokens")).headers.get("Location")).toMatch(/^\/signin/);
});

it("a policy on expiry that refuses a token also refuses the session that it opens, in that organization only", async () => {
  await env.DB.prepare("UPDATE organizations SET max_token_expiry_days = 30, settings_version = 1 WHERE name = 'acme'").run();
  await refused(403, "GET", "/api/orgs/acme/tokens", { token: world.admin });
  const visitor = await signIn(world.admin);
  expect(await shown(visitor.get("/acme/~/tokens"), 403)).toContain("max access token expiry");
  await changesNothing(async () => {
    expect((await visitor.post("/acme/~/tokens/new", { name: "x", expiry: "7" })).status).toBe(403);
  });
  // A token with a short expiry gives access again.
  await shown(visitor.get("/user/settings/tokens"));
  const expires = Math.floor(Date.now() / 1000) + 86_400;
  const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin, json: { expires } });
  await shown((await signIn(tokenValue)).get("/acme/~/tokens"));
});

it("no query makes a page fail", async () => {
  const admin = await signIn(world.admin);
  for (const path of ["/acme/~/tokens", "/acme/~/members", "/acme/~/audit", "/acme", "/user/settings/tokens", "/cli-login", "/signin"])
    for (const query of [
      "filter=x",
      `search=${"x".repeat(200)}`,
      "continuationToken=x",
      "continuationToken=bnVsbA",
      "page=-1",
      "next=%00",
      "tag=%3D",
    ]) {
      const answer = await admin.get(`${path}?${query}`);
      expect([path, query, [200, 303, 400, 404].includes(answer.status)], await answer.text()).toEqual([path, query, true]);
    }
});

it("no answer lets another site read it, frame it, or guess its type", async () => {
  const page = await newVisitor().get("/signin");
  const api = await call("GET", "/api/user", { token: world.admin, headers: { Origin: "https://evil.example" } });
  const preflight = await exports.default.fetch("https://stackpass.test/api/user", {
    method: "OPTIONS",
    headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" },
  });
  for (const answer of [page, api, preflight]) {
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(answer.headers.get("Content-Security-Policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(answer.headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
    expect(answer.headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
    expect(answer.headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    await answer.text();
  }
});

it("a file that is served without the Worker has the same headers", async () => {
  for (const path of ["/console/console.js", "/console/style.css", "/console/icon.svg"]) {
    const answer = await env.ASSETS.fetch(`https://stackpass.test${path}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(answer.headers.get("Strict-Transport-Security")).toContain("max-age=");
    expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    await answer.text();
  }
});
