import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { coreRoutes } from "../../src/app/core.ts";
import { isApiPath, stackPaths } from "../../src/app/parts.ts";
import { routes } from "../../src/app/routes.ts";
import { stackOperations } from "../../src/app/stacks.ts";
import type { Route } from "../../src/http/route.ts";
import { newVisitor } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

const methodOf = ({ definition: { method } }: Route) => (method === "HEAD" ? "GET" : method);
const segments = ({ definition: { path } }: Route) => path.split("/");
const isParameter = (segment: string) => segment.startsWith("{");

/** A path that both routes match, if there is one. */
function common(a: Route, b: Route): string | undefined {
  const [left, right] = [segments(a), segments(b)];
  if (methodOf(a) !== methodOf(b) || left.length !== right.length) return undefined;
  const both = left.map((segment, i) =>
    isParameter(segment) ? right[i]! : isParameter(right[i]!) || segment === right[i] ? segment : undefined,
  );
  return both.includes(undefined) ? undefined : both.join("/").replaceAll(/[{}]/g, "");
}

const matches = (route: Route, method: string, path: string) =>
  methodOf(route) === method && new RegExp(`^${route.definition.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);

/** The operation that answers, when the parts of the Worker are asked one after the other. */
function answering(method: string, path: string): string | undefined {
  const asked: Route[] = [...coreRoutes, ...(stackPaths.test(path) ? stackOperations : []), ...(isApiPath(path) ? routes : [])];
  return asked.find((route) => matches(route, method, path))?.definition.operationId;
}

describe("the parts of the Worker", () => {
  it("answer each path by the operation that comes first in the list of all operations", () => {
    const wrong: string[] = [];
    for (const [i, route] of routes.entries())
      for (const other of routes.slice(i)) {
        const path = common(route, other);
        if (path === undefined) continue;
        const first = routes.find((one) => matches(one, methodOf(route), path));
        if (answering(methodOf(route), path) !== first?.definition.operationId) wrong.push(`${methodOf(route)} ${path}`);
      }
    expect(wrong).toEqual([]);
  });

  it("contain operations of the list only", () => {
    const known = new Set<Route>(routes);
    expect([...coreRoutes, ...stackOperations].filter((route) => !known.has(route))).toEqual([]);
  });

  it("have the operations of stacks where the paths of stacks are looked for", () => {
    const elsewhere = stackOperations.filter(({ definition: { path } }) => !stackPaths.test(path));
    expect(elsewhere.map(({ definition }) => definition.path)).toEqual([]);
  });
});

describe("a path", () => {
  let world: World;
  beforeEach(async () => {
    world = await newWorld();
  });

  const send = (method: string, path: string, headers: Record<string, string> = {}) =>
    exports.default.fetch(new Request(`https://stackpass.test${path}`, { method, headers, redirect: "manual" }));

  // Organizations may have these names: they are prefixes of parts of the Worker.
  const names = ["api", "API", "scim", "login", "healthz", "stacks", "~", "%61pi", "%2e%2e", "a%2Fb", "%zz"];
  const ends = ["", "/", "/~tokens", "/web/dev", "/sso/backchannel-logout", "//%2F", "/v2/acme/Users"];
  const methods = ["GET", "HEAD", "POST"];

  it.each(names)("that begins with /%s gets an answer that is no failure of the server", async (name) => {
    const Authorization = `token ${world.admin}`;
    const failed: string[] = [];
    for (const prefix of ["", "/api", "/api/stacks", "/login", "/scim/v2"])
      for (const end of ends)
        for (const method of methods) {
          const path = `${prefix}/${name}${end}`;
          const headers: Record<string, string> = method === "GET" ? { Accept: "text/html" } : { Authorization };
          const { status } = await send(method, path, headers);
          if (status >= 500) failed.push(`${method} ${path}: ${status}`);
        }
    expect(failed).toEqual([]);
  });

  it("of the API in other letters is a page that does not exist, for a browser", async () => {
    const page = await newVisitor().get("/API/user");
    expect(page.status).toBe(404);
    expect(await page.text()).toContain("There is no such page.");
  });

  it.each(["/api/stacks/acme/web/dev/nothing", "/api/orgs/acme", "/api/user/stacks", "/api/nothing", "/api", "/api/", "/scim", "/nothing"])(
    "%s has no operation for OPTIONS",
    async (path) => {
      expect((await send("OPTIONS", path, { Authorization: `token ${world.admin}` })).status).toBe(404);
    },
  );

  it("with percent signs is decoded once", async () => {
    await ok("POST", "/api/stacks/acme/web", { token: world.admin, json: { stackName: "dev" } });
    expect(await ok("GET", "/api/stacks/%61cme/w%65b/dev", { token: world.admin })).toMatchObject({ stackName: "dev" });
    // After decoding, the name still has a percent sign, which no stack's name has.
    expect(await refused(400, "GET", "/api/stacks/acme/web/d%2565v", { token: world.admin })).toContain("a stack name has");
  });

  it("of an operation that begins like those of stacks is answered by the rest of the API", async () => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: {} });
    expect((await send("HEAD", "/api/orgs/acme/tokens", { Authorization: `token ${world.admin}` })).status).toBe(200);
  });
});
