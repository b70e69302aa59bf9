import * as fc from "fast-check";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { settledLog } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";
import { type Scim, good, newScimToken, patchOf, scimClient, userOf } from "./support/client.ts";

let world: World;
let token: string;
let scim: Scim;
beforeEach(async () => {
  world = await newWorld();
  token = await newScimToken(world);
  scim = scimClient(token);
});

const rows = async () =>
  JSON.stringify(
    await env.DB.batch(
      ["scim_users", "scim_groups", "scim_group_members", "members", "teams", "team_members", "users"].map((table) =>
        env.DB.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`),
      ),
    ).then((all) => all.map(({ results }) => results)),
  );

describe("a credential", () => {
  it.each([
    ["no credential", () => undefined],
    ["an unknown token", () => "pul-0000000000000000000000000000000000000000"],
    ["a personal token", () => world.admin],
    ["an organization token", async () => (await newOrgToken(world, "ci", { admin: true })).tokenValue],
  ])("is refused: %s", async (_, value) => {
    const answer = await scimClient(await value())("GET", "/Users");
    expect(answer.status).toBe(401);
    expect(answer.headers.get("WWW-Authenticate")).toContain("Bearer");
  });

  it("of another organization is refused, and its own organization's log says so", async () => {
    expect((await scim("GET", "/Users", { org: "globex" })).status).toBe(401);
    expect((await scim("GET", "/Users", { org: "ACME" })).status).toBe(401);
    const events = (await settledLog()).filter(({ event }) => event === "auth-failure-scim-access-token");
    expect(events.map(({ tokenName }) => tokenName)).toEqual(["okta", "okta"]);
  });

  it("of SCIM opens nothing else, and no machine creates one", async () => {
    expect(await refused(401, "GET", "/api/user", { token })).toContain("Unauthorized");
    expect(await refused(401, "GET", "/api/orgs/acme/members", { token })).toContain("Unauthorized");
    const { tokenValue } = await newOrgToken(world, "robot", { admin: true });
    await refused(403, "POST", "/api/orgs/acme/scim/tokens", { token: tokenValue, json: { name: "second" } });
    await refused(403, "POST", "/api/orgs/acme/scim/tokens", { token: world.member, json: { name: "second" } });
    await refused(404, "POST", "/api/orgs/acme/scim/tokens", { token: world.stranger, json: { name: "second" } });
  });

  it("exists twice at most, and a deleted one is refused at once", async () => {
    const path = "/api/orgs/acme/scim/tokens";
    await refused(409, "POST", path, { token: world.admin, json: { name: "okta" } });
    const made = await Promise.allSettled(
      ["a", "b", "c"].map((name) => ok<NewToken>("POST", path, { token: world.admin, json: { name } })),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const { tokens } = await ok<{ tokens: { id: string; name: string }[] }>("GET", path, { token: world.admin });
    expect(tokens).toHaveLength(2);
    await good(scim, "GET", "/Users");
    await ok("DELETE", `${path}/${tokens.find(({ name }) => name === "okta")!.id}`, { token: world.admin });
    expect((await scim("POST", "/Users", { json: userOf("late") })).status).toBe(401);
    await refused(404, "DELETE", `${path}/unknown`, { token: world.admin });
    await refused(400, "POST", path, { token: world.admin, json: { name: "x".repeat(41) } });
    await refused(400, "POST", path, { token: world.admin, json: { name: "x", expires: 1 } });
    await refused(400, "PATCH", "/api/orgs/acme/scim", { token: world.admin, json: { restoresTokens: "yes" } });
  });

  it("that was reported as leaked is refused", async () => {
    await ok("POST", "/api/token-leaks", { json: { token } });
    const { tokens } = await ok<{ tokens: { status: string }[] }>("GET", "/api/orgs/acme/scim/tokens", { token: world.admin });
    expect(tokens.map(({ status }) => status)).toEqual(["disabled"]);
    expect((await scim("GET", "/Users")).status).toBe(401);
  });

  it("that makes too many requests gets 429 with Retry-After", async () => {
    const limiter = vi.spyOn(env.SCIM_REQUESTS, "limit").mockResolvedValue({ success: false });
    try {
      const answer = await scim("GET", "/Users");
      expect(answer.status).toBe(429);
      expect(answer.headers.get("Retry-After")).toBe("10");
    } finally {
      limiter.mockRestore();
    }
  });
});

describe("a request", () => {
  it.each<[string, number, string, string, Parameters<Scim>[2]]>([
    ["to an unknown resource", 404, "GET", "/Nothing", {}],
    ["to an unknown version", 404, "GET", "/../../v1/acme/Users", {}],
    ["with a deeper path", 404, "GET", "/Users/a/b", {}],
    ["with a broken escape", 404, "GET", "/Users/%ff", {}],
    ["named like a member of every object", 404, "GET", "/__proto__", {}],
    ["with a method that the path does not have", 405, "DELETE", "/Users", {}],
    ["to write a discovery document", 405, "POST", "/Schemas", { json: {} }],
    ["for a user that does not exist", 404, "GET", "/Users/__proto__", {}],
    [
      "to change a user that does not exist",
      404,
      "PATCH",
      "/Users/nobody",
      { json: patchOf({ op: "replace", path: "active", value: true }) },
    ],
    ["without a body", 400, "POST", "/Users", {}],
    ["with half a body", 400, "POST", "/Users", { body: '{"userName":' }],
    ["with a list as its body", 400, "POST", "/Users", { body: "[]" }],
    ["with null as its body", 400, "PUT", "/Users/nobody", { body: "null" }],
    ["with a deep body", 400, "POST", "/Users", { body: `${"[".repeat(5000)}${"]".repeat(5000)}` }],
    ["with a body of 3 MB", 413, "POST", "/Users", { json: userOf("big", { title: "x".repeat(3_000_000) }) }],
    [
      "with another media type",
      415,
      "POST",
      "/Users",
      { body: "userName=x", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
    ],
    ["with a userName that is no text", 400, "POST", "/Users", { json: userOf(7 as never) }],
    ["with an empty userName", 400, "POST", "/Users", { json: userOf("  ") }],
    ["with a long userName", 400, "POST", "/Users", { json: userOf("x".repeat(257)) }],
    ["with half a character", 400, "POST", "/Users", { body: '{"userName":"a\\ud800"}' }],
    ["with a control character", 400, "POST", "/Users", { body: '{"userName":"a\\u0000b"}' }],
    [
      "with 21 emails",
      400,
      "POST",
      "/Users",
      { json: userOf("many", { emails: Array.from({ length: 21 }, (_, i) => ({ value: `${i}@x.example` })) }) },
    ],
    ["with an email without a value", 400, "POST", "/Users", { json: userOf("many", { emails: [{ type: "work" }] }) }],
    [
      "with 8,001 members",
      400,
      "POST",
      "/Groups",
      { json: { displayName: "g", members: Array.from({ length: 8001 }, (_, i) => ({ value: `${i}` })) } },
    ],
    ["with an unknown member", 400, "POST", "/Groups", { json: { displayName: "g", members: [{ value: "nobody" }] } }],
    ["with a group in a group", 400, "POST", "/Groups", { json: { displayName: "g", members: [{ value: "x", type: "Group" }] } }],
    ["with a filter of another operator", 400, "GET", `/Users?filter=${encodeURIComponent('userName co "a"')}`, {}],
    ["with or", 400, "GET", `/Users?filter=${encodeURIComponent('userName eq "a" or userName eq "b"')}`, {}],
    ["with a filter for an unknown attribute", 400, "GET", `/Users?filter=${encodeURIComponent('__proto__ eq "a"')}`, {}],
    ["with a filter without an end", 400, "GET", `/Users?filter=${encodeURIComponent('userName eq "a')}`, {}],
    ["with an empty filter", 400, "GET", "/Users?filter=", {}],
    ["with a count that is no number", 400, "GET", "/Users?count=ten", {}],
    ["without operations", 400, "PATCH", "/Users/nobody", { json: { Operations: [] } }],
    ["with an unknown op", 400, "PATCH", "/Users/nobody", { json: patchOf({ op: "move", path: "active", value: true }) }],
    ["with a replacement without a value", 400, "PATCH", "/Users/nobody", { json: patchOf({ op: "replace", path: "active" }) }],
  ])("%s is refused", async (_, status, method, path, options) => {
    const before = await rows();
    const answer = await scim(method, path, options);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(await rows()).toBe(before);
  });

  it("has edges of paging that are no errors", async () => {
    for (const name of ["a1", "a2", "a3"]) await good(scim, "POST", "/Users", userOf(name));
    const names = async (query: string) => (await good(scim, "GET", `/Users?${query}`)).Resources.map(({ userName }) => userName);
    expect(await names("startIndex=-5&count=2")).toEqual(["a1", "a2"]);
    expect(await names("startIndex=3")).toEqual(["a3"]);
    expect(await names("count=-1")).toEqual([]);
    expect(await good(scim, "GET", "/Users?count=0")).toMatchObject({ totalResults: 3, itemsPerPage: 0 });
    expect(await good(scim, "GET", "/Users?count=100000")).toMatchObject({ totalResults: 3, itemsPerPage: 3 });
  });
});

describe("a version", () => {
  it("that If-Match names must be the present one", async () => {
    const user = await good(scim, "POST", "/Users", userOf("v"));
    const rename = { json: patchOf({ op: "replace", path: "displayName", value: "V" }) };
    expect((await scim("PATCH", `/Users/${user.id}`, { ...rename, headers: { "If-Match": 'W/"9"' } })).status).toBe(412);
    expect((await scim("PATCH", `/Users/${user.id}`, { ...rename, headers: { "If-Match": user.meta.version } })).status).toBe(200);
    expect((await scim("DELETE", `/Users/${user.id}`, { headers: { "If-Match": user.meta.version } })).status).toBe(412);
    expect((await scim("GET", `/Users/${user.id}`, { headers: { "If-None-Match": 'W/"2"' } })).status).toBe(304);
  });
});

describe("a PATCH", () => {
  it("of which one operation is not valid changes nothing", async () => {
    const user = await good(scim, "POST", "/Users", userOf("half"));
    const group = await good(scim, "POST", "/Groups", { displayName: "Half", members: [{ value: user.id }] });
    const before = await rows();
    const bad = [{ op: "replace", path: "active", value: "perhaps" }, { op: "add", path: "nonsense", value: 1 }, { op: "remove" }, null];
    for (const one of bad)
      expect(
        (await scim("PATCH", `/Users/${user.id}`, { json: patchOf({ op: "replace", path: "displayName", value: "X" }, one) })).status,
      ).toBe(400);
    const badForGroup = [
      { op: "add", path: "members", value: [{ value: "nobody" }] },
      { op: "remove", path: "members", value: null },
    ];
    for (const one of badForGroup)
      expect((await scim("PATCH", `/Groups/${group.id}`, { json: patchOf({ op: "remove", path: "members" }, one) })).status).toBe(400);
    expect(await rows()).toBe(before);
  });

  it("never reaches the prototype of objects", async () => {
    const user = await good(scim, "POST", "/Users", userOf("proto"));
    const bodies = [
      `{"Operations":[{"op":"add","path":"__proto__.polluted","value":"x"}]}`,
      `{"Operations":[{"op":"add","value":{"__proto__.polluted":"x","constructor.prototype.polluted":"x"}}]}`,
      `{"Operations":[{"op":"add","value":{"__proto__":{"polluted":"x"}}}]}`,
      `{"Operations":[{"op":"replace","path":"name","value":{"__proto__":{"polluted":"x"}}}]}`,
      `{"Operations":[{"op":"replace","path":"name.__proto__","value":{"polluted":"x"}}]}`,
      `{"Operations":[{"op":"add","path":"emails[__proto__ eq \\"x\\"].polluted","value":"x"}]}`,
      `{"__proto__":{"Operations":[]},"Operations":[{"op":"__proto__","path":"constructor","value":1}]}`,
    ];
    for (const body of bodies) expect((await scim("PATCH", `/Users/${user.id}`, { body })).status).toBe(400);
    await scim("POST", "/Users", { body: `{"userName":"p2","__proto__":{"polluted":"x"},"name":{"__proto__":{"polluted":"x"}}}` });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

it("two requests for one user at once make one user", async () => {
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => scim("POST", "/Users", { json: userOf("twin@acme.example", { externalId: "t" }) })),
  );
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409, 409]);
  const id = answers.find(({ status }) => status === 201)!.body.id;
  const changes = [false, true, false, true].map((value) =>
    scim("PATCH", `/Users/${id}`, { json: patchOf({ op: "replace", path: "active", value }) }),
  );
  for (const { status } of await Promise.all(changes)) expect(status).toBe(200);
  const { active } = await good(scim, "GET", `/Users/${id}`);
  const member = await env.DB.prepare("SELECT count(*) AS n FROM members JOIN users ON users.id = user_id WHERE login LIKE 'twin%'").first(
    "n",
  );
  expect(member).toBe(active ? 1 : 0);
});

it("two groups of one name at once make one group, and two changes of its members both count", async () => {
  const groups = await Promise.all(Array.from({ length: 3 }, () => scim("POST", "/Groups", { json: { displayName: "Twins" } })));
  expect(groups.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409]);
  const id = groups.find(({ status }) => status === 201)!.body.id;
  const users = [];
  for (const name of ["x1", "x2", "x3"]) users.push(await good(scim, "POST", "/Users", userOf(name)));
  const adds = users.map((user) =>
    scim("PATCH", `/Groups/${id}`, { json: patchOf({ op: "add", path: "members", value: [{ value: user.id }] }) }),
  );
  for (const { status } of await Promise.all(adds)) expect(status).toBe(204);
  expect((await good(scim, "GET", `/Groups/${id}`)).members).toHaveLength(3);
});

/** Changes one place of a request: replaces, drops or repeats a value, or renames a member. */
function mutated(value: unknown, steps: number[], odd: unknown): unknown {
  const [step = 0, ...rest] = steps;
  if (typeof value !== "object" || value === null || rest.length === 0)
    return step % 5 === 0 ? undefined : step % 5 === 1 ? [value, value] : odd;
  if (Array.isArray(value))
    return value.map((item, i) => (i === step % Math.max(1, value.length) ? mutated(item, rest, odd) : (item as unknown)));
  const names = Object.keys(value);
  const chosen = names[step % Math.max(1, names.length)];
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) =>
      name !== chosen ? [name, member] : step % 7 === 0 ? ["__proto__", member as unknown] : [name, mutated(member, rest, odd)],
    ),
  );
}

it("a request whose parts are replaced by anything is never answered with a failure of the server", async () => {
  // This test makes more requests than the limit allows, and each of them must be handled.
  const limiter = vi.spyOn(env.SCIM_REQUESTS, "limit").mockResolvedValue({ success: true });
  onTestFinished(() => limiter.mockRestore());
  const user = await good(
    scim,
    "POST",
    "/Users",
    userOf("fuzzed", { externalId: "f", name: { givenName: "F" }, emails: [{ value: "f@x.example", type: "work" }] }),
  );
  const group = await good(scim, "POST", "/Groups", { displayName: "Fuzzed", members: [{ value: user.id }] });
  const seeds: [string, string, unknown][] = [
    [
      "PUT",
      `/Users/${user.id}`,
      userOf("fuzzed", { externalId: "f", active: true, name: { givenName: "F" }, emails: [{ value: "f@x.example", type: "work" }] }),
    ],
    [
      "PATCH",
      `/Users/${user.id}`,
      patchOf(
        { op: "replace", path: 'emails[type eq "work"].value', value: "g@x.example" },
        { op: "add", value: { "name.givenName": "G" } },
      ),
    ],
    [
      "PATCH",
      `/Groups/${group.id}`,
      patchOf({ op: "add", path: "members", value: [{ value: user.id }] }, { op: "remove", path: `members[value eq "${user.id}"]` }),
    ],
    ["PUT", `/Groups/${group.id}`, { displayName: "Fuzzed", externalId: "g", members: [{ value: user.id }] }],
    ["POST", "/Groups", { displayName: "Fuzzed", members: [{ value: user.id }] }],
  ];
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      "",
      "__proto__",
      "constructor",
      "True",
      -1,
      1e308,
      {},
      [],
      [[]],
      { value: null },
      "a[b eq",
      'x[y eq "',
      "\ud800",
      "urn:",
      ":",
      "[",
      "]",
      ".",
    ),
    fc.string(),
    fc.jsonValue({ maxDepth: 2 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
      odd,
      async ([method, path, json], steps, value) => {
        await scim(method, path, { json: mutated(json, steps, value) ?? null });
      },
    ),
    { numRuns: inject("sizes").scimMutations, seed: inject("seed") },
  );
});
