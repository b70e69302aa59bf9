import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { newStack, newWorld } from "../support/world.ts";

let token: string;
beforeEach(async () => {
  token = (await newWorld()).member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const TAGS_PATH = `${STACK_PATH}/tags`;
const tags = async () => (await ok<{ tags: Record<string, string> }>("GET", STACK_PATH, { token })).tags;
const set = (json: object) => ok("PATCH", TAGS_PATH, { token, json });

describe("the set of tags", () => {
  it("is replaced as a whole, and is one event", async () => {
    const events = await eventsOf(async () => {
      await set({ a: "1", b: "true", c: "" });
      await set({ b: "null", d: "ü😀" });
      expect(await tags()).toEqual({ b: "null", d: "ü😀" });
      await set({});
      expect(await tags()).toEqual({});
    });
    expect(events).toHaveLength(3);
    expect(events[0]).toMatchObject({ event: "stack-tags-updated", userLogin: "mel", stack: "web/dev" });
  });

  it("may be large", async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`tag-${i}`, `${i}`]));
    await set(many);
    expect(await tags()).toEqual(many);
  });

  /** The JSON is text, because in an object literal `__proto__` is not a member. */
  const traps = '{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}';
  const sorted = (map: object) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  const pairs = async () => sorted((JSON.parse(await (await call("GET", STACK_PATH, { token })).text()) as { tags: object }).tags);
  const expected = sorted(JSON.parse(traps) as object);

  it("may have names that are traps, whichever way they come", async () => {
    expect(expected).toHaveLength(4);
    await ok("PATCH", TAGS_PATH, { token, body: traps });
    expect(await pairs()).toEqual(expected);

    await ok("POST", "/api/stacks/acme/web", { token, body: `{"stackName":"other","tags":${traps}}` });
    expect(await (await call("GET", "/api/stacks/acme/web/other", { token })).text()).toContain('"__proto__":"a"');

    await set({});
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
    await ok("POST", `${STACK_PATH}/update/${updateID}`, { token, body: `{"tags":${traps}}` });
    expect(await pairs()).toEqual(expected);

    const { stacks } = await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks?tagName=__proto__&tagValue=a", { token });
    expect(stacks).toHaveLength(2);
    await ok("DELETE", `${TAGS_PATH}/__proto__`, { token });
    expect(await pairs()).toEqual(expected.filter(([name]) => name !== "__proto__"));
    await ok("POST", TAGS_PATH, { token, json: { name: "__proto__", value: "a" } });
    expect(await pairs()).toEqual(expected);
  });

  it.each([
    [null],
    [[]],
    ["a"],
    [{ "": "" }],
    [{ "a b": "" }],
    [{ a: null }],
    [{ ["x".repeat(41)]: "" }],
    [{ a: "x".repeat(257) }],
    [{ a: {} }],
  ])("refuses %j", async (json) => {
    await changesNothing(() => refused(400, "PATCH", TAGS_PATH, { token, json }));
  });

  it("cannot name another project than the stack's", async () => {
    await set({ "pulumi:project": "web", a: "b" });
    await changesNothing(() => refused(400, "PATCH", TAGS_PATH, { token, json: { "pulumi:project": "api", a: "c" } }));
    await ok("POST", "/api/stacks/acme/my-app", { token, json: { stackName: "dev" } });
    await ok("PATCH", "/api/stacks/acme/my-app/dev/tags", { token, json: { "pulumi:project": "my app" } });
  });

  it("of a stack that is not there is 404", async () => {
    await changesNothing(async () => {
      for (const [method, path, json] of [
        ["PATCH", "", {}],
        ["POST", "", { name: "a", value: "" }],
        ["PATCH", "/a", { name: "a", value: "" }],
        ["DELETE", "/a", undefined],
      ] as const)
        expect(await refused(404, method, `/api/stacks/acme/web/none/tags${path}`, { token, json })).toContain("Stack 'acme/web/none'");
    });
  });
});

describe("one tag", () => {
  beforeEach(() => set({ "pulumi:project": "web", team: "a" }));

  it("is added, changed and removed beside the others", async () => {
    const events = await eventsOf(async () => {
      await ok("POST", TAGS_PATH, { token, json: { name: "env:x", value: "1" } });
      await ok("PATCH", `${TAGS_PATH}/env:x`, { token, json: { name: "env:x", value: "2" } });
      expect(await tags()).toEqual({ "pulumi:project": "web", team: "a", "env:x": "2" });
      await ok("DELETE", `${TAGS_PATH}/env%3Ax`, { token });
      expect(await tags()).toEqual({ "pulumi:project": "web", team: "a" });
    });
    expect(events.map((event) => event.description)).toEqual([
      'Added the tag env:x of stack "acme/web/dev".',
      'Changed the tag env:x of stack "acme/web/dev".',
      'Removed the tag env:x of stack "acme/web/dev".',
    ]);
  });

  it("is refused where the contract says so, without an event", async () => {
    const events = await eventsOf(() =>
      changesNothing(async () => {
        await refused(400, "POST", TAGS_PATH, { token, json: { name: "team", value: "b" } });
        await refused(400, "POST", TAGS_PATH, { token, json: { name: "a b", value: "b" } });
        await refused(400, "POST", TAGS_PATH, { token, json: { name: "b", value: 1 } });
        await refused(400, "POST", TAGS_PATH, { token, json: { name: "pulumi:project", value: "api" } });
        await refused(400, "PATCH", `${TAGS_PATH}/team`, { token, json: { name: "other", value: "b" } });
        await refused(400, "PATCH", `${TAGS_PATH}/team`, { token, json: { name: "team", value: "x".repeat(257) } });
        await refused(404, "PATCH", `${TAGS_PATH}/none`, { token, json: { name: "none", value: "b" } });
        await refused(404, "DELETE", `${TAGS_PATH}/none`, { token });
        await refused(404, "DELETE", `${TAGS_PATH}/a%2Fb`, { token });
        for (const name of ["pulumi:project", "vcs:root"]) {
          await refused(400, "PATCH", `${TAGS_PATH}/${name}`, { token, json: { name, value: "b" } });
          await refused(400, "DELETE", `${TAGS_PATH}/${name}`, { token });
        }
      }),
    );
    expect(events).toEqual([]);
  });
});
