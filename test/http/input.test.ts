import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { deploymentOf } from "../support/deployment.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, gzip, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.admin;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
/** One route for each way of reading a body: JSON that is parsed, a stream, JSON under a lease, a stream under a lease. */
const ways = ["json", "import", "complete", "journal", "events"] as const;

async function target(way: (typeof ways)[number]) {
  if (way === "json") return { method: "POST", path: "/api/orgs/acme/tokens", credential: { token } };
  if (way === "import") return { method: "POST", path: `${STACK_PATH}/import`, credential: { token } };
  const { path, lease } = await startUpdate(token);
  if (way === "complete") return { method: "POST", path: `${path}/complete`, credential: { lease } };
  if (way === "events") return { method: "POST", path: `${path}/events/batch`, credential: { lease } };
  return { method: "PATCH", path: `${path}/journalentries`, credential: { lease } };
}

describe.each(ways)("a body that is wrong (%s)", (way) => {
  it.each(["{", "null", "[]", "[[]]", "7", '"x"', "true", "{}}", "\u0000", "{'name':'a'}", "[".repeat(100_000), '{"a":'.repeat(20_000)])(
    "is 400: %.20s",
    async (body) => {
      const { method, path, credential } = await target(way);
      await changesNothing(async () => expect((await call(method, path, { ...credential, body })).status).toBe(400));
    },
  );

  it("is 400: not UTF-8", async () => {
    const { method, path, credential } = await target(way);
    expect((await call(method, path, { ...credential, body: new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) })).status).toBe(400);
  });

  it("is 400: invalid gzip, incomplete gzip, and gzip with more bytes after it", async () => {
    const { method, path, credential } = await target(way);
    const whole = await gzip("{}");
    const headers = { "Content-Encoding": "gzip" };
    for (const body of [new Uint8Array([1, 2, 3]), whole.slice(0, 10), whole.slice(0, -1), new Uint8Array(0)])
      await changesNothing(async () => expect((await call(method, path, { ...credential, body, headers })).status).toBe(400));
  });

  it.each(["br", "deflate", "zstd", "gzip, gzip", "x".repeat(1000)])("is 400: encoded as %.10s", async (encoding) => {
    const { method, path, credential } = await target(way);
    expect((await call(method, path, { ...credential, body: "{}", headers: { "Content-Encoding": encoding } })).status).toBe(400);
  });
});

describe("a body that is too large", () => {
  const zeros = (bytes: number) =>
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(" ".repeat(1_000_000)));
        bytes -= 1_000_000;
        if (bytes <= 0) controller.close();
      },
    });
  const bomb = async (bytes: number) =>
    new Uint8Array(await new Response(zeros(bytes).pipeThrough(new CompressionStream("gzip"))).arrayBuffer());

  it("is 413 where it is JSON", async () => {
    await changesNothing(async () => {
      expect((await call("POST", "/api/orgs/acme/tokens", { token, body: zeros(5_000_000) })).status).toBe(413);
      expect(
        (await call("POST", "/api/orgs/acme/tokens", { token, json: { name: "ci", description: "x".repeat(5_000_000) } })).status,
      ).toBe(413);
    });
  });

  it("is 413 where it only becomes large when it is inflated", async () => {
    const body = await bomb(100_000_000);
    expect(body.length).toBeLessThan(1_000_000);
    const headers = { "Content-Encoding": "gzip" };
    const update = await startUpdate(token);
    expect((await call("POST", "/api/orgs/acme/tokens", { token, body, headers })).status).toBe(413);
    expect((await call("PATCH", `${update.path}/journalentries`, { lease: update.lease, body, headers })).status).toBe(413);
    expect((await call("POST", `${update.path}/events/batch`, { lease: update.lease, body, headers })).status).toBe(413);
    expect((await call("POST", `${STACK_PATH}/batch-decrypt`, { token, body, headers })).status).toBe(413);
    expect((await call("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } })).status).toBe(204);
  });

  it("is 413 for journal entries, so that the CLI halves its batch", async () => {
    const update = await startUpdate(token);
    expect((await call("PATCH", `${update.path}/journalentries`, { lease: update.lease, body: zeros(17_000_000) })).status).toBe(413);
  });

  it("is refused for a description that nobody reads, and for a row that the database would not take", async () => {
    expect((await call("POST", "/api/orgs/acme/tokens", { token, json: { name: "ci", description: "x".repeat(256) } })).status).toBe(400);
    const environment = { "git.head": "x".repeat(1_000_000) };
    expect((await call("POST", `${STACK_PATH}/update`, { token, json: { metadata: { environment } } })).status).toBe(413);
  });
});

describe("a path", () => {
  it.each([
    ["/api/stacks/acme/web/a%2Fb", 400],
    ["/api/stacks/acme/web/a%20b", 400],
    ["/api/stacks/acme/web/%2e%2e%2f", 400],
    ["/api/stacks/acme/web/%zz", 400],
    ["/api/stacks/acme/web/%00", 400],
    ["/api/stacks/acme/web/%ff", 400],
    ["/api/stacks/acme/web/..", 404],
    ["/api/stacks/acme/web/%2e%2e/export", 404],
    ["/api/stacks/acme/web/", 404],
    ["/api/stacks/acme//dev", 404],
    ["//api/user", 404],
    ["/api/user/", 404],
    ["/API/user", 404],
    [`/api/stacks/acme/web/${"x".repeat(101)}`, 400],
    [`/api/stacks/acme/web/${"x".repeat(5000)}`, 400],
    ["/api/stacks/ACME/web/dev", 404],
    ["/api/stacks/%zz/web/dev", 404],
    ["/api/orgs/acme%00/members", 404],
    ["/api/stacks/acme/web/dev/update/%zz", 404],
    ["/api/stacks/acme/web/dev/update/..%2f..", 404],
    ["/api/nothing/here", 404],
    ["/api", 404],
  ])("%.60s is %i, in JSON", async (path, status) => {
    expect((await call("GET", path, { token })).status).toBe(status);
  });

  it("that does not exist is the same 404 for everybody, and needs no token", async () => {
    for (const credential of [{}, { token }, { token: "nonsense" }])
      expect((await call("GET", "/api/nothing/here", credential)).status).toBe(404);
  });

  it("is 404 under another method", async () => {
    for (const method of ["PUT", "DELETE", "PATCH"]) expect((await call(method, "/api/user", { token })).status).toBe(404);
    expect((await call("GET", `${STACK_PATH}/import`, { token })).status).toBe(404);
    expect((await call("OPTIONS", "/api/user", { token })).status).toBe(404);
  });

  it("answers HEAD as it answers GET, without a body", async () => {
    for (const [path, credential, status] of [
      ["/api/user", { token }, 200],
      [STACK_PATH, { token }, 200],
      ["/api/stacks/acme/web/none", { token }, 404],
      ["/api/user", {}, 401],
      ["/api/nothing", {}, 404],
    ] as const) {
      const headers = { ...("token" in credential && { Authorization: `token ${credential.token}` }), "CF-Connecting-IP": "203.0.113.9" };
      const response = await exports.default.fetch(`https://stackpass.test${path}`, { method: "HEAD", headers });
      expect([path, response.status, await response.text()]).toEqual([path, status, ""]);
    }
  });
});

describe("a header", () => {
  it("may be huge, or odd", async () => {
    for (const headers of [
      { Authorization: `token ${"x".repeat(15_000)}` },
      { Authorization: `token pul-${"0".repeat(40)} ${"x".repeat(100)}` },
      { Authorization: "token" },
      { Authorization: `Basic ${btoa("a:b")}` },
      { Authorization: `token,token ${token}` },
    ] as Record<string, string>[])
      expect((await call("GET", "/api/user", { headers })).status).toBe(401);
    await ok("GET", "/api/user", {
      token,
      headers: { "User-Agent": "x".repeat(15_000), Accept: "application/vnd.pulumi+99", "X-Pulumi-Source": "'" },
    });
  });

  it("names the scheme in any case, and Bearer too, and may have blanks about the value", async () => {
    for (const scheme of ["token", "Token", "TOKEN", "Bearer", "bearer"])
      await ok("GET", "/api/user", { headers: { Authorization: `${scheme} ${token}` } });
    await ok("GET", "/api/user", { headers: { Authorization: `token   ${token} ` } });
  });

  it("says nothing wrong when JSON is announced and nothing is sent", async () => {
    await ok("DELETE", STACK_PATH, { token, headers: { "Content-Type": "application/json" } });
    await ok("POST", "/api/user/tokens", { token, headers: { "Content-Type": "text/plain" } });
  });
});

describe("a query", () => {
  it.each(["?a=1&a=2&unknown", "?maxResults=5&maxResults=6", "?%zz=%zz", `?x=${"y".repeat(5000)}`])(
    "%.30s causes no error",
    async (query) => {
      expect([200, 400]).toContain((await call("GET", `/api/user/stacks${query}`, { token })).status);
    },
  );
});

it("reads numbers of a query as decimal digits alone", async () => {
  const { id } = await newOrgToken(world, "ci");
  const tokens = "/api/orgs/acme/tokens";
  for (const [path, name, good] of [
    [tokens, "maxResults", "5"],
    [tokens, "unusedDays", "5"],
    [`${tokens}/${id}/usage`, "days", "5"],
    [`${tokens}/${id}/rightsize`, "days", "30"],
    ["/api/orgs/acme/auditlogs/v2", "startTime", "5"],
    ["/api/orgs/acme/auditlogs/verify", "from", "1"],
    ["/api/stacks/acme/web/dev/updates", "page", "1"],
    ["/api/stacks/acme/web/dev/updates", "pageSize", "5"],
  ] as const) {
    await ok("GET", `${path}?${name}=${good}`, { token: world.admin });
    for (const bad of ["0x10", "1e1", "", "%205", "%2B5", "5.0", "-5", "٥", "9".repeat(500)])
      await refused(400, "GET", `${path}?${name}=${bad}`, { token: world.admin });
  }
  expect(await refused(400, "GET", `${tokens}/${id}/rightsize?days=29`, { token: world.admin })).toContain("days is 30 to 90");
});

it("has security headers on every answer, good or bad", async () => {
  for (const response of [await call("GET", "/healthz"), await call("GET", "/api/user"), await call("GET", "/nothing")]) {
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    expect(response.headers.get("Strict-Transport-Security")).toContain("max-age=");
  }
});

it("limits clients that guess tokens, and no client with a valid token", async () => {
  const headers = { "CF-Connecting-IP": "198.51.100.77" };
  const statuses = new Set<number>();
  // The limit is 100 in each minute of the clock, and a minute may end during this loop.
  for (let i = 0; i < 250; i++) {
    const response = await call("GET", "/api/user", { token: `pul-${i}`, headers });
    statuses.add(response.status);
    if (response.status === 429) expect(response.headers.get("Retry-After")).toBe("60");
  }
  expect(statuses).toEqual(new Set([401, 429]));
  await ok("GET", "/api/user", { token, headers });
  expect((await call("GET", "/api/user", { token: "pul-x" })).status).toBe(401);
});

it("imports a state of more than one part of an object", async () => {
  const state = deploymentOf([
    { urn: "urn:pulumi:dev::web::a:b:C::x", custom: false, type: "a:b:C", inputs: { text: "0123456789".repeat(1_800_000) } },
  ]);
  await ok("POST", `${STACK_PATH}/import`, { token, body: await gzip(JSON.stringify(state)), headers: { "Content-Encoding": "gzip" } });
  const back = await call("GET", `${STACK_PATH}/export`, { token });
  expect((await back.text()) === JSON.stringify(state)).toBe(true);
});
