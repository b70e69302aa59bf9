import { TrieRouter } from "hono/router/trie-router";
import { expect, it } from "vitest";
import { AreaRouter } from "../../src/app/router.ts";
import { routes } from "../../src/app/routes.ts";
import { pages } from "../../src/console/pages.ts";

const everything: [method: string, path: string][] = [
  ["ALL", "/*"],
  ...routes.map(({ definition: { method, path } }): [string, string] => [
    method === "HEAD" ? "GET" : method,
    path.replaceAll(/\{(\w+)\}/g, ":$1"),
  ]),
  ["ALL", "/scim/*"],
  ...pages.map(({ method, path }): [string, string] => [method, path]),
];

it("finds for every path what one trie of all routes finds, and no page below the API", () => {
  const [byArea, whole] = [new AreaRouter<string>(), new TrieRouter<string>()];
  for (const router of [byArea, whole]) for (const [method, path] of everything) router.add(method, path, `${method} ${path}`);
  const found = (router: { match: (method: string, path: string) => unknown[] }, method: string, path: string) =>
    (router.match(method, path)[0] as [string, unknown][]).map(([handler, parameters]) => ({ handler, parameters }));
  const isPageBelowApi = (path: string, { handler }: { handler: string }) => path.startsWith("/api/") && / \/:/.test(handler);
  const paths = everything.map(([, path]) => path.replaceAll(/:\w+/g, "x").replaceAll("*", "x"));
  const others = ["/", "/api", "/api/", "/api/nothing", "/api/nothing/x", "/api/stacksx/a/b/c", "/api/stacks", "/API/user", "/acme/api/user", "//api/user"];
  for (const path of [...paths, ...paths.map((one) => `${one}/more`), ...others])
    for (const method of ["GET", "POST", "DELETE", "TRACE"])
      expect(found(byArea, method, path), `${method} ${path}`).toEqual(
        found(whole, method, path).filter((one) => !isPageBelowApi(path, one)),
      );
});
