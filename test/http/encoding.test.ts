import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.admin;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const text = async (path: string) => (await call("GET", path, { token })).text();

describe("a name", () => {
  /** Letters that look like others, that reverse the direction of text, or that are invisible, and letters of more than one code point. */
  const odd = [
    "d\u0435v",
    "\u202edev",
    "dev\u200b",
    "\uff44ev",
    "de\u0301v",
    "\u0130",
    "d\u00ady",
    "\ufeffdev",
    "dev\u0000",
    "dev\n",
    "👩‍👩‍👧",
    " dev",
  ];

  it.each(odd.map((name) => [JSON.stringify(name), name]))("of a stack, a project or a tag is not %s", async (_, name) => {
    await changesNothing(async () => {
      await refused(400, "POST", "/api/stacks/acme/web", { token, json: { stackName: name } });
      await refused(400, "POST", `/api/stacks/acme/${encodeURIComponent(name)}`, { token, json: { stackName: "x" } });
      await refused(400, "POST", `${STACK_PATH}/rename`, { token, json: { newName: name } });
      await refused(400, "POST", `${STACK_PATH}/tags`, { token, json: { name, value: "x" } });
      await refused(400, "POST", "/api/orgs/acme/tokens", { token, json: { name } });
      await refused(400, "GET", `/api/stacks/acme/web/${encodeURIComponent(name)}`, { token });
    });
  });

  it.each(["\u0430cme", "ACME", "acme\u200b", "acme ", "a\u0441me", "acme\u0000", "acme/", "__proto__", "constructor"])(
    "that only looks like the name of an organization finds none: %j",
    async (name) => {
      await refused(404, "GET", `/api/orgs/${encodeURIComponent(name)}/members`, { token });
      await refused(404, "GET", `/api/stacks/${encodeURIComponent(name)}/web/dev`, { token });
    },
  );

  it("that every JavaScript object has as a member is a name like any other", async () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      await ok("POST", "/api/stacks/acme/constructor", { token, json: { stackName: name } });
      expect(await ok("GET", `/api/stacks/acme/constructor/${name}`, { token })).toMatchObject({ stackName: name });
      await ok("POST", "/api/orgs/acme/tokens", { token, json: { name } });
      await refused(404, "GET", `/api/orgs/acme/tokens/${name}`, { token });
      await refused(404, "DELETE", `/api/orgs/acme/members/${name}`, { token });
      await refused(404, "GET", `${STACK_PATH}/update/${name}`, { token });
    }
  });
});

describe("JSON", () => {
  const create = (body: string) => call("POST", `${STACK_PATH}/update`, { token, body });

  it("uses the last of two equal keys, and ignores unknown keys", async () => {
    await ok("POST", "/api/orgs/acme/tokens", { token, body: '{"name":"one","name":"two","admin":true,"admin":false,"x":{"y":[]}}' });
    const { tokens } = await ok<{ tokens: { name: string; admin: boolean }[] }>("GET", "/api/orgs/acme/tokens", { token });
    expect(tokens).toMatchObject([{ name: "two", admin: false }]);
  });

  it("whose keys are __proto__ and constructor gives nobody a right", async () => {
    const body = '{"name":"plain","__proto__":{"admin":true,"roleID":"admin"},"constructor":{"prototype":{"admin":true}}}';
    await ok("POST", "/api/orgs/acme/tokens", { token, body });
    expect(await ok("GET", "/api/orgs/acme/tokens", { token })).toMatchObject({ tokens: [{ name: "plain", admin: false }] });
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it("keeps such keys in a configuration and an environment", async () => {
    const value = '{"string":"a","secret":false,"object":false}';
    const body = `{"config":{"__proto__":${value},"constructor":${value}},"metadata":{"environment":{"__proto__":"c"}}}`;
    const { updateID } = JSON.parse(await (await create(body)).text()) as { updateID: string };
    const { token: lease } = await ok<{ token: string }>("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
    await ok("POST", `${STACK_PATH}/update/${updateID}/complete`, { lease, json: { status: "succeeded" } });
    const history = await text(`${STACK_PATH}/updates`);
    for (const part of [`"__proto__":${value}`, `"constructor":${value}`, '{"__proto__":"c"}']) expect(history).toContain(part);
  });

  it.each([
    [
      "100,000 levels of lists",
      `{"config":{"a":{"string":"","secret":false,"object":false,"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}}}`,
    ],
    [
      "100,000 levels of objects",
      `{"config":{"a":{"string":"","secret":false,"object":false,"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}}`,
    ],
    ["100,000 levels that nobody asked for", `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["a number of 100,000 digits", `{"config":{"a":{"string":"","secret":false,"object":false,"x":${"9".repeat(100_000)}}}}`],
    ["numbers beyond all", '{"config":{"a":{"string":"","secret":false,"object":false,"x":[1e999,-1e999,1e-999]}}}'],
    [
      "lone surrogates",
      '{"config":{"a":{"string":"\\ud800","secret":false,"object":false}},"metadata":{"message":"\\ud800","environment":{"a":"\\udfff"}}}',
    ],
    ["NUL", '{"config":{"a\\u0000":{"string":"b\\u0000","secret":false,"object":false}},"metadata":{"message":"\\u0000"}}'],
  ])("with %s is refused, or accepted and read again", async (_, body) => {
    const response = await create(body);
    expect([200, 400]).toContain(response.status);
    if (response.status !== 200) return;
    const { updateID } = await response.json<{ updateID: string }>();
    const { token: lease } = await ok<{ token: string }>("POST", `${STACK_PATH}/update/${updateID}`, {
      token,
      json: { journalVersion: 1 },
    });
    await ok("POST", `${STACK_PATH}/update/${updateID}/complete`, { lease, json: { status: "succeeded" } });
    await ok("GET", `${STACK_PATH}/updates`, { token });
    await ok("GET", `${STACK_PATH}/updates/latest`, { token });
  });

  it.each(["state", "journal", "events", "checkpoint"])(
    "as deep as that is taken or refused where it comes as a stream: %s",
    async (way) => {
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
      const resource = `{"urn":"urn:pulumi:dev::web::a:b:C::x","custom":false,"type":"a:b:C","inputs":{"a":${deep}}}`;
      const state = `{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"resources":[${resource}]}}`;
      if (way === "state") {
        expect([200, 400]).toContain((await call("POST", `${STACK_PATH}/import`, { token, body: state })).status);
        await ok("GET", `${STACK_PATH}/export`, { token });
        return;
      }
      const { path, lease } = await startUpdate(token, { journaling: way !== "checkpoint" });
      const entry = `{"version":1,"kind":1,"sequenceID":1,"operationID":1,"removeOld":null,"removeNew":null,"state":${resource}}`;
      const sent = {
        journal: ["PATCH", "journalentries", `{"entries":[${entry}]}`],
        events: ["POST", "events/batch", `{"events":[{"sequence":0,"timestamp":1,"newEvent":${deep}}]}`],
        checkpoint: ["PATCH", "checkpoint", `{"isInvalid":false,${state.slice(1)}`],
      }[way]!;
      expect([200, 204, 400]).toContain((await call(sent[0]!, `${path}/${sent[1]}`, { lease, body: sent[2]! })).status);
      await call("GET", `${path}/events`, { token });
      const { status } = await call("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
      if (status !== 204) await ok("POST", `${path}/cancel`, { token });
      await ok("GET", `${STACK_PATH}/export`, { token });
      await startUpdate(token);
    },
  );

  it.each(["5", "null", '"x"', "[]", "{}", '{"string":5}', '{"string":"a","secret":"yes"}'])(
    "whose configuration has %s for a value is refused: a client could not read the history with it",
    async (value) => {
      expect((await create(`{"config":{"a":${value}}}`)).status).toBe(400);
    },
  );

  it("after a byte order mark is refused", async () => {
    expect((await create("\ufeff{}")).status).toBe(400);
    expect((await create("\ufeff")).status).toBe(400);
    expect((await call("POST", `${STACK_PATH}/import`, { token, body: '\ufeff{"version":3,"deployment":{}}' })).status).toBe(400);
  });

  it("is UTF-8, whatever its type says", async () => {
    for (const type of [
      "application/json; charset=utf-16",
      "application/json; charset=iso-8859-1",
      "text/xml",
      "multipart/form-data; boundary=x",
      "",
    ])
      await ok("POST", `${STACK_PATH}/tags`, { token, headers: { "Content-Type": type }, json: { name: `t${type.length}`, value: "é" } });
    const wide = Uint8Array.from([...'{"name":"w","value":"x"}'].flatMap((letter) => [letter.charCodeAt(0), 0]));
    expect(
      (await call("POST", `${STACK_PATH}/tags`, { token, headers: { "Content-Type": "application/json; charset=utf-16" }, body: wide }))
        .status,
    ).toBe(400);
    expect(Object.values((await ok<{ tags: Record<string, string> }>("GET", STACK_PATH, { token })).tags)).toEqual(
      Array.from({ length: 5 }, () => "é"),
    );
  });

  it("that is zipped twice is not JSON when it is unzipped once", async () => {
    const inner = await gzip('{"name":"t","value":"x"}');
    const twice = new Uint8Array(await new Response(new Blob([inner]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
    await refused(400, "POST", `${STACK_PATH}/tags`, { token, body: twice, headers: { "Content-Encoding": "gzip" } });
    await refused(400, "POST", `${STACK_PATH}/import`, { token, body: twice, headers: { "Content-Encoding": "gzip" } });
  });
});

describe("a list's cursor", () => {
  const code = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  it.each([
    [[]],
    [{}],
    [null],
    [[null]],
    [[[]]],
    [[1e308, "x"]],
    [["", ""]],
    [["\u0000", "\u0000"]],
    [[{}]],
    [["'", 1]],
    [[-1, -1]],
    [[0, "__proto__"]],
  ])("that is made up causes no error: %j", async (value) => {
    for (const path of [
      "/api/user/stacks",
      "/api/orgs/acme/tokens",
      "/api/orgs/acme/members",
      "/api/orgs/acme/auditlogs/v2",
      "/api/user/tokens",
    ])
      expect([200, 400]).toContain((await call("GET", `${path}?continuationToken=${code(value)}`, { token })).status);
  });
});

it("puts no text of a client into a header", async () => {
  const response = await exports.default.fetch(`https://stackpass.test${STACK_PATH}%0d%0aX-Injected:1`, {
    headers: { Authorization: `token ${token}` },
  });
  expect(response.status).toBe(400);
  expect(response.headers.has("X-Injected")).toBe(false);
});
