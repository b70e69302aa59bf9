import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually } from "../support/clock.ts";
import { type Seen, packagesOf } from "../support/packages.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const vars = env as unknown as { REGISTRY_UPSTREAM: string; LOCAL_DEVELOPMENT: string };
const { REGISTRY_UPSTREAM: upstream, LOCAL_DEVELOPMENT: local } = vars;
let world: World;
beforeEach(async () => {
  world = await newWorld();
  // The base path is new, because answers to earlier tests are still in the cache.
  vars.REGISTRY_UPSTREAM = `${upstream}/base-${crypto.randomUUID()}`;
  await fetch(`${upstream}/requests`, { method: "DELETE" });
});
afterEach(() => void Object.assign(vars, { REGISTRY_UPSTREAM: upstream, LOCAL_DEVELOPMENT: local }));

const PACKAGES_PATH = "/api/registry/packages";
const versionOf = (path: string) => `${PACKAGES_PATH}/${path.replace("@", "/versions/")}`;
const get = <T = Record<string, unknown>>(path: string, token = world.member) => ok<T>("GET", path, { token });
const no = (status: number, path: string, token = world.member) => refused(status, "GET", path, { token });
const seen = async () => (await (await fetch(`${upstream}/requests`)).json()) as Seen[];
/** Waits until the answer to each request that the upstream received is in the cache, which is written after the answer was sent. */
const allCached = () =>
  eventually(async () => {
    for (const { url } of await seen())
      expect(
        await caches.default.match(`https://registry-cache.invalid/${encodeURIComponent(vars.REGISTRY_UPSTREAM + url)}`),
      ).toBeDefined();
  });
const [apples, olderApples, figs, pears, plums] = packagesOf(`${upstream}/plugins`);

describe("the registry of packages", () => {
  it("is the upstream's: by name, in pages, and one version of a package, as they came", async () => {
    expect(await get(`${PACKAGES_PATH}?limit=499&name=apples`)).toEqual({ packages: [apples] });
    expect(await get(`${PACKAGES_PATH}?limit=499&name=none`)).toEqual({ packages: [] });
    const first = await get<{ continuationToken: string }>(`${PACKAGES_PATH}?limit=2`);
    expect(first).toMatchObject({ packages: [{ name: "apples" }, figs] });
    expect(await get(`${PACKAGES_PATH}?limit=2&continuationToken=${first.continuationToken}`)).toEqual({ packages: [pears, plums] });
    expect(await get(versionOf("pulumi/orchard/apples@latest"))).toEqual(apples);
    expect(await get(versionOf("pulumi/orchard/apples@1.1.0"))).toEqual(olderApples);
    expect(await get(versionOf("pulumi/pulumi/pears@0.3.1+build.7"))).toEqual(pears);
    expect(await get(versionOf("opentofu/orchard/plums@2.0.0-beta.1"))).toEqual(plums);
    expect(await no(404, versionOf("pulumi/orchard/apples@9.9.9"))).toBe("Not Found: Package 'pulumi/orchard/apples@9.9.9' not found");
    expect(await no(404, versionOf("locked/orchard/apples@1.0.0"))).toContain("not found");
  });

  it("is there under the path that older CLIs ask", async () => {
    expect(await get("/api/preview/registry/packages?limit=499&name=apples")).toEqual({ packages: [apples] });
    expect(await get("/api/preview/registry/packages/pulumi/orchard/apples/versions/1.1.0")).toEqual(olderApples);
  });

  it("receives nothing about the caller: only the path and the known parameters", async () => {
    const { tokenValue } = await newOrgToken(world, "ci", { stacks: [] });
    const headers = { Cookie: "a=b", "X-Secret": "hidden", "User-Agent": "pulumi-cli/1 (v3.259.0)" };
    const query = "?name=apples&limit=499&secret=hidden&search=ap%26ples%20x&orgLogin=&__proto__=1&asc=true";
    await ok("GET", `${PACKAGES_PATH}${query}`, { token: tokenValue, headers });
    await ok("GET", `${versionOf("pulumi/orchard/apples@latest")}?secret=hidden`, { token: tokenValue, headers });
    const [list, version, ...more] = await seen();
    expect(more).toEqual([]);
    expect(list).toMatchObject({ method: "GET", url: "/api/registry/packages?asc=true&limit=499&name=apples&search=ap%26ples+x" });
    expect(version).toMatchObject({ method: "GET", url: "/api/registry/packages/pulumi/orchard/apples/versions/latest" });
    for (const request of [list, version]) {
      const text = JSON.stringify(request);
      for (const word of [tokenValue, "authorization", "cookie", "hidden", "203.0.113.9", "acme", "pulumi-cli"])
        expect(text).not.toContain(word);
    }
  });

  it("is asked only once for an answer that is in the cache, whoever the caller is", async () => {
    for (const token of [world.member, world.stranger, world.member]) {
      await get(versionOf("pulumi/orchard/apples@1.2.0"), token);
      await get(`${PACKAGES_PATH}?name=apples&limit=499`, token);
      await no(404, versionOf("pulumi/orchard/none@latest"), token);
      await allCached();
      await get(`${PACKAGES_PATH}?limit=499&name=apples`, token);
    }
    expect((await seen()).map(({ url }) => url).sort()).toEqual([
      "/api/registry/packages/pulumi/orchard/apples/versions/1.2.0",
      "/api/registry/packages/pulumi/orchard/none/versions/latest",
      "/api/registry/packages?limit=499&name=apples",
    ]);
  });

  it("has no packages of an organization, and does not ask the upstream for any", async () => {
    expect(await get(`${PACKAGES_PATH}?orgLogin=acme`)).toEqual({ packages: [] });
    expect(await get(`${PACKAGES_PATH}?visibility=private`)).toEqual({ packages: [] });
    await no(404, versionOf("private/acme/apples@latest"));
    await no(400, `${PACKAGES_PATH}?usage=used`);
    expect(await seen()).toEqual([]);
  });

  it.each([
    `${PACKAGES_PATH}/pulumi/orchard/apples/versions/..%2f..%2f..%2fsecret`,
    `${PACKAGES_PATH}/pulumi/%2e%2e/apples/versions/latest`,
    `${PACKAGES_PATH}/pulumi/orchard/a%3Fb/versions/latest`,
    `${PACKAGES_PATH}/pulumi/orchard/apples/versions/1%23`,
    `${PACKAGES_PATH}/pulumi/orchard/${"x".repeat(101)}/versions/latest`,
    `${PACKAGES_PATH}/pulumi/a%0d%0ab/apples/versions/latest`,
    `${PACKAGES_PATH}/a%40b/orchard/apples/versions/latest`,
    `${PACKAGES_PATH}?name=${"x".repeat(201)}`,
    `${PACKAGES_PATH}?limit=99999`,
    `${PACKAGES_PATH}?asc=yes`,
  ])("is not asked for %s", async (path) => {
    const { status } = await call("GET", path, { token: world.member });
    expect([400, 404]).toContain(status);
    expect(await seen()).toEqual([]);
  });

  it("tells the caller of a query that the upstream refuses", async () => {
    expect(await no(400, `${PACKAGES_PATH}?continuationToken=bad`)).toContain("does not accept this query");
  });

  it("is for callers with a token, and leaves no event", async () => {
    await refused(401, "GET", PACKAGES_PATH);
    await refused(401, "GET", versionOf("pulumi/orchard/apples@latest"));
    const events = await eventsOf(() => get(PACKAGES_PATH));
    expect(events).toEqual([]);
  });
});

describe("an upstream that fails", () => {
  it.each(["redirects", "fails", "garbles", "lies", "breaks", "huge"])("is answered as a 503: it %s", async (how) => {
    vars.REGISTRY_UPSTREAM += `/misbehave-${how}`;
    const message = "Service Unavailable: the package registry is not available, try again";
    expect(await no(503, `${PACKAGES_PATH}?name=apples`)).toBe(message);
    expect(await no(503, versionOf("pulumi/orchard/apples@latest"))).toBe(message);
  });

  it.each([
    "http://api.example.com",
    "https://127.0.0.1:1",
    "https://10.0.0.1",
    "https://169.254.169.254",
    "https://[::1]",
    "https://localhost",
    "https://user:password@api.example.com",
    "ftp://api.example.com",
    "not an address",
  ])("is not called at %s", async (address) => {
    Object.assign(vars, { REGISTRY_UPSTREAM: address, LOCAL_DEVELOPMENT: "" });
    await no(503, `${PACKAGES_PATH}?name=apples`);
  });

  it.each(["", "/"])("is switched off when the setting is %j, and the caller is told so", async (address) => {
    vars.REGISTRY_UPSTREAM = address;
    for (const path of [`${PACKAGES_PATH}?name=apples`, versionOf("pulumi/orchard/apples@latest"), "/api/preview/registry/packages"])
      expect(await no(403, path)).toContain("its operator has set no upstream registry (REGISTRY_UPSTREAM)");
    await no(404, versionOf("private/acme/apples@latest"));
  });
});
