import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type Exported, component, deploymentOf, rootStack } from "../support/deployment.ts";
import { changesNothing, objectKeys, records } from "../support/stored.ts";
import { type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const text = async (path = `${STACK_PATH}/export`) => (await call("GET", path, { token })).text();
/** A state with numbers beyond 2^53, unusual numbers, an order and a spelling that a parser would not keep, and keys that need care. */
const odd = `{ "deployment" : {"resources":[\n{"urn":"urn:pulumi:dev::web::a:b:C::x","custom":false,"type":"a:b:C","inputs":{"b":9007199254740993,"a":1.0,"10":1e400,"9":-0,
 "__proto__":{"x":1},"constructor":"\\u003cé\\u2028","\\ud83d":"lone"}}],"manifest":{"version":"","magic":"","time":"2026-01-01T00:00:00Z"},"futureKey":[1,2]},"version":3,"unknown":{}}`;

describe("export", () => {
  it("of a new stack is empty, as the CLI wants it", async () => {
    expect(await text()).toBe('{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}');
  });

  it("gives back an import byte for byte, then and later", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, body: odd });
    expect(await text()).toBe(odd);
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) });
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
    expect(await text(`${STACK_PATH}/export/1`)).toBe(odd);
    expect(JSON.parse(await text(`${STACK_PATH}/export/2`))).toEqual(deploymentOf([]));
    expect(await text(`${STACK_PATH}/export/3`)).toBe(await text());
  });

  it("of a version that is not there is 404, and no event says that it was exported", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) });
    const events = await eventsOf(async () => {
      for (const version of ["0", "2", "999999999"]) await refused(404, "GET", `${STACK_PATH}/export/${version}`, { token });
      for (const version of ["x", "-1", "1.5", "1e1", "99999999999"])
        await refused(400, "GET", `${STACK_PATH}/export/${version}`, { token });
      await refused(404, "GET", "/api/stacks/acme/web/none/export", { token });
    });
    expect(events).toEqual([]);
  });

  it("is an event that names the stack", async () => {
    const events = await eventsOf(() => text());
    expect(events).toMatchObject([
      { event: "stack-exported", userLogin: "mel", stack: "web/dev", description: 'Exported the state of stack "acme/web/dev".' },
    ]);
  });
});

describe("import", () => {
  it("is an update that is over when it answers", async () => {
    const events = await eventsOf(async () => {
      const { updateId } = await ok<{ updateId: string }>("POST", `${STACK_PATH}/import`, {
        token,
        json: deploymentOf([component("a"), component("b")]),
      });
      expect(await ok("GET", `${STACK_PATH}/update/${updateId}`, { token })).toEqual({ status: "succeeded", events: [] });
      expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 1, activeUpdate: updateId });
    });
    expect(events).toMatchObject([{ event: "stack-imported", userLogin: "mel", stack: "web/dev" }]);
    const { updates } = await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token });
    expect(updates).toMatchObject([{ kind: "import", version: 1, result: "succeeded", resourceCount: 2, config: {}, environment: {} }]);
  });

  it("takes gzip", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, body: await gzip(odd), headers: { "Content-Encoding": "gzip" } });
    expect(await text()).toBe(odd);
  });

  it.each([
    ["{}"],
    ["null"],
    ["[]"],
    [""],
    ["x"],
    ['{"version":3}'],
    ['{"version":3,"deployment":null}'],
    ['{"version":3,"deployment":[]}'],
    ['{"version":0,"deployment":{}}'],
    ['{"version":5,"deployment":{}}'],
    ['{"version":"3","deployment":{}}'],
    ['{"deployment":{}}'],
    ['{"version":3,"deployment":{}'],
    ['{"version":3,"deployment":{}} x'],
    ['{"version":3,"deployment":{"manifest":{"version":"v3.1.0","magic":"wrong"}}}'],
    ['{"version":3,"deployment":{"resources":{}}}'],
  ])("refuses %s and leaves the stack as it is", async (body) => {
    const before = await records();
    const events = await eventsOf(() => refused(400, "POST", `${STACK_PATH}/import`, { token, body }));
    expect(events).toEqual([]);
    expect(await records()).toEqual(before);
  });

  it.each([
    ['{"version":"v3.1.0","magic":"wrong"}'],
    ['{"version":"v3.1.0","magic":""}'],
    ['{"version":"v3.1.0"}'],
    ['{"version":"","magic":"wrong"}'],
    ['{"version":1,"magic":""}'],
  ])("refuses the manifest %s, by force too, and says what to do", async (manifest) => {
    const state = `{"version":3,"deployment":{"manifest":${manifest}}}`;
    const say = expect.stringContaining('set both manifest.magic and manifest.version to ""') as string;
    await changesNothing(async () => {
      expect(await refused(400, "POST", `${STACK_PATH}/import`, { token, body: state })).toEqual(say);
      expect(await refused(400, "POST", "/api/stacks/acme/web", { token, body: `{"stackName":"prod","state":${state}}` })).toEqual(say);
    });
    await ok("POST", `${STACK_PATH}/import`, { token, json: { version: 3, deployment: { manifest: { version: "", magic: "" } } } });
  });

  it("into a stack that is not there is 404", async () => {
    const before = await records();
    await refused(404, "POST", "/api/stacks/acme/web/none/import", { token, json: deploymentOf([]) });
    expect(await records()).toEqual(before);
  });

  it("at the same time as others gives each a version of its own", async () => {
    const states = ["a", "b", "c", "d", "e"].map((name) => deploymentOf([component(name)]));
    await Promise.all(states.map((json) => ok("POST", `${STACK_PATH}/import`, { token, json })));
    const versions = await Promise.all([1, 2, 3, 4, 5].map((version) => ok<Exported>("GET", `${STACK_PATH}/export/${version}`, { token })));
    const names = versions.map((state) => state.deployment.resources![0]!.urn.slice(-1));
    expect(names.sort((a, b) => a.localeCompare(b))).toEqual(["a", "b", "c", "d", "e"]);
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 5 });
  });
});

describe("deletion", () => {
  const contains = "Bad Request: Stack still contains resources.";

  it("of an empty stack frees its name, and is an event", async () => {
    const events = await eventsOf(() => ok("DELETE", `${STACK_PATH}?force=false`, { token }));
    expect(events).toMatchObject([{ event: "stack-deleted", stack: "web/dev", reqStackAdmin: true }]);
    await refused(404, "GET", STACK_PATH, { token });
    await newStack(token);
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 0, activeUpdate: "", tags: {} });
    expect((await ok<{ updates: [] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toEqual([]);
  });

  it("of one with resources is refused in the words that the CLI knows, unless it is forced", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack, component("a")]) });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(400, "DELETE", STACK_PATH, { token })).toBe(contains);
        expect(await refused(400, "DELETE", `${STACK_PATH}?force=false`, { token })).toBe(contains);
      }),
    );
    expect(events).toEqual([]);
    await ok("DELETE", `${STACK_PATH}?force=true`, { token });
    await refused(404, "DELETE", `${STACK_PATH}?force=true`, { token });
  });

  it("takes the word that the provider of Pulumi Cloud has for force", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack, component("a")]) });
    for (const query of ["forceDestroy=yes", "forceDestroy=1"]) await refused(400, "DELETE", `${STACK_PATH}?${query}`, { token });
    expect(await refused(400, "DELETE", `${STACK_PATH}?force=false&forceDestroy=false`, { token })).toBe(contains);
    await ok("DELETE", `${STACK_PATH}?forceDestroy=true`, { token });
    await refused(404, "GET", STACK_PATH, { token });
  });

  it("of a stack with only its root resource needs no force", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
    await ok("DELETE", STACK_PATH, { token });
  });

  it("accepts no other value for force", async () => {
    await changesNothing(() => refused(400, "DELETE", `${STACK_PATH}?force=yes`, { token }));
  });

  it("keeps states and history", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
    const before = { objects: await objectKeys(), updates: (await records())["updates"] };
    await ok("DELETE", `${STACK_PATH}?force=true`, { token });
    expect({ objects: await objectKeys(), updates: (await records())["updates"] }).toEqual(before);
    await newStack(token);
    await refused(404, "GET", `${STACK_PATH}/export/1`, { token });
  });

  it("cannot be done to a stack that an update holds, but a preview does not hold it", async () => {
    await startUpdate(token, { dryRun: true });
    await ok("DELETE", STACK_PATH, { token });
    expect(await env.DB.prepare("SELECT count(*) AS n FROM stacks WHERE deleted_at IS NULL").first("n")).toBe(0);
  });
});

describe("history", () => {
  it("is newest first, in pages, without previews, with maps that are never null", async () => {
    for (let i = 0; i < 3; i++) {
      const update = await startUpdate(token, { kind: i === 1 ? "destroy" : "update" });
      await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: i === 2 ? "failed" : "succeeded" } });
    }
    await startUpdate(token, { dryRun: true });
    const { updates } = await ok<{ updates: { version: number }[] }>("GET", `${STACK_PATH}/updates`, { token });
    expect(updates).toMatchObject([
      { version: 3, kind: "update", result: "failed", config: {}, environment: {} },
      { version: 2, kind: "destroy", result: "succeeded" },
      { version: 1, kind: "update", result: "succeeded" },
    ]);
    const pages = await Promise.all(
      [1, 2, 3].map((page) => ok<{ updates: { version: number }[] }>("GET", `${STACK_PATH}/updates?pageSize=2&page=${page}`, { token })),
    );
    expect(pages.map((page) => page.updates.map((update) => update.version))).toEqual([[3, 2], [1], []]);
    for (const query of ["pageSize=0&page=1", "page=-1", "pageSize=x"])
      await refused(400, "GET", `${STACK_PATH}/updates?${query}`, { token });
  });

  it("gives back configuration and environment as they came", async () => {
    const config = {
      "web:b": { string: "1", secret: false, object: false },
      "web:a": { string: "AQ==", secret: true, object: false },
      "web:__proto__": { string: "", secret: false, object: false },
    };
    const environment = { "git.head": "abc", constructor: "x" };
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, {
      token,
      json: { options: { localPolicyPackPaths: null }, config, metadata: { message: "hi", environment } },
    });
    await ok("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
    const { info } = await ok<{ info: Record<string, unknown> }>("GET", `${STACK_PATH}/updates/latest`, { token });
    expect(info).toMatchObject({ message: "hi", result: "in-progress", endTime: 0 });
    expect(info["config"]).toEqual(config);
    expect(info["environment"]).toEqual(environment);
  });

  it("has no latest entry before the first", async () => {
    await refused(404, "GET", `${STACK_PATH}/updates/latest`, { token });
    expect((await ok<{ updates: [] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toEqual([]);
  });
});
