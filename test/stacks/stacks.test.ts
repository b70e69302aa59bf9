import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { component, deploymentOf } from "../support/deployment.ts";
import { allPages } from "../support/pages.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
});

const PROJECT_PATH = "/api/stacks/acme/web";
const STACK_PATH = `${PROJECT_PATH}/dev`;
interface Listed {
  orgName: string;
  projectName: string;
  stackName: string;
  lastUpdate?: number;
  resourceCount?: number;
}
const list = async (query = "", credential = token) =>
  (await allPages<Listed>(`/api/user/stacks${query}`, "stacks", credential)).items.map(
    (stack) => `${stack.orgName}/${stack.projectName}/${stack.stackName}`,
  );

describe("creating a stack", () => {
  it("makes it with its tags, and is one event", async () => {
    const tags = { "pulumi:project": "web", "vcs:kind": "github" };
    const events = await eventsOf(() =>
      ok("POST", PROJECT_PATH, { token, json: { stackName: "dev", tags, teams: null, state: null, config: null } }),
    );
    expect(events).toMatchObject([{ event: "stack-created", userLogin: "mel", stack: "web/dev" }]);
    expect(await ok("GET", STACK_PATH, { token })).toEqual({
      id: expect.any(String) as string,
      orgName: "acme",
      projectName: "web",
      stackName: "dev",
      activeUpdate: "",
      tags,
      version: 0,
    });
  });

  it("keeps an initial state as it came", async () => {
    const state =
      '{"version":3,"deployment":{"secrets_providers":{"type":"passphrase","state":{"salt":"v1:x","n":9007199254740993}}, "manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""}}}';
    for (const [stack, before, after] of [
      ["dev", "", ""],
      ["spaced", "\r\n\t ", " \n"],
    ] as const) {
      await ok("POST", PROJECT_PATH, { token, body: `${before}{"stackName":"${stack}","state": ${state}}${after}` });
      expect(await (await call("GET", `${PROJECT_PATH}/${stack}/export`, { token })).text()).toBe(state);
    }
  });

  it("is refused where the name is taken, whatever its case, and nothing is left behind", async () => {
    await newStack(token);
    const events = await eventsOf(async () => {
      for (const [project, stackName] of [
        ["web", "dev"],
        ["Web", "dev"],
        ["web", "DEV"],
      ])
        await changesNothing(async () => {
          expect(await refused(409, "POST", `/api/stacks/acme/${project}`, { token, json: { stackName, tags: { a: "b" } } })).toBe(
            `Conflict: Stack 'acme/${project}/${stackName}' already exists`,
          );
        });
    });
    expect(events).toEqual([]);
  });

  it.each([
    [{}],
    [{ stackName: "" }],
    [{ stackName: "a b" }],
    [{ stackName: "a/b" }],
    [{ stackName: ".." }],
    [{ stackName: "." }],
    [{ stackName: "x".repeat(101) }],
    [{ stackName: 1 }],
    [{ stackName: "a", tags: { "a b": "" } }],
    [{ stackName: "a", tags: { a: 1 } }],
    [{ stackName: "a", tags: { a: "é".repeat(129) } }],
    [{ stackName: "a", state: { version: 9, deployment: {} } }],
    [{ stackName: "a", config: {} }],
    [{ stackName: "a", config: { environment: "" } }],
    [{ stackName: "a", config: { environment: "x".repeat(1001) } }],
    [{ stackName: "a", teams: "platform" }],
    [{ stackName: "a", teams: [1] }],
  ])("refuses %j", async (json) => {
    await changesNothing(() => refused(400, "POST", PROJECT_PATH, { token, json }));
  });

  it.each([[["platform"]], [["platform", "sre"]], [[""]]])("is refused for the teams %j, which are not there", async (teams) => {
    await changesNothing(async () => {
      expect(await refused(404, "POST", PROJECT_PATH, { token, json: { stackName: "dev", teams } })).toBe(
        `Not Found: Team '${teams[0]}' not found`,
      );
    });
  });

  it("takes an empty list of teams, which older clients send", async () => {
    await ok("POST", PROJECT_PATH, { token, json: { stackName: "dev", teams: [] } });
  });

  it("of one name by ten at once makes one", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => call("POST", PROJECT_PATH, { token, json: { stackName: "dev" } })));
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });
});

describe("a stack", () => {
  it("is not found under another name, and the organization's is as it is written", async () => {
    await newStack(token);
    for (const path of ["/api/stacks/acme/web/other", "/api/stacks/acme/webs/dev"])
      expect(await refused(404, "GET", path, { token })).toBe(`Not Found: Stack '${path.slice("/api/stacks/".length)}' not found`);
    await refused(404, "GET", "/api/stacks/ACME/web/dev", { token });
  });

  it("is not one of another organization of the same name", async () => {
    await newStack(token);
    await refused(404, "GET", "/api/stacks/globex/web/dev", { token: world.stranger });
    await refused(404, "GET", STACK_PATH, { token: world.stranger });
  });

  it("makes its project known", async () => {
    expect((await call("HEAD", PROJECT_PATH, { token })).status).toBe(404);
    await newStack(token);
    const response = await call("HEAD", PROJECT_PATH, { token });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    await ok("DELETE", STACK_PATH, { token });
    expect((await call("HEAD", PROJECT_PATH, { token })).status).toBe(404);
  });
});

describe("the list of stacks", () => {
  it("has what the caller may see, by name", async () => {
    for (const [project, stack] of [
      ["web", "prod"],
      ["api", "dev"],
      ["web", "dev"],
    ] as const)
      await newStack(token, project, stack);
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "dev" } });
    expect(await list()).toEqual(["acme/api/dev", "acme/web/dev", "acme/web/prod"]);
    expect(await list("", (await newOrgToken(world, "ci")).tokenValue)).toHaveLength(3);
    expect(await list("", world.billing)).toEqual([]);
    expect(await list("", world.stranger)).toEqual(["globex/web/dev"]);
    expect(await list("?organization=globex")).toEqual([]);
    expect(await list("?organization=none")).toEqual([]);
    expect(await list("?organization=acme&project=web")).toEqual(["acme/web/dev", "acme/web/prod"]);
  });

  it.each(["admin", "", "no-such-role"])("is not widened by a filter that we do not have: roleID=%s", async (roleID) => {
    await newStack(token);
    expect(await refused(400, "GET", `/api/user/stacks?roleID=${roleID}`, { token })).toContain("roleID is not supported");
  });

  it("can be filtered by tag", async () => {
    for (const stack of ["one", "two"]) await ok("POST", PROJECT_PATH, { token, json: { stackName: stack, tags: { env: stack } } });
    await newStack(token);
    expect(await list("?tagName=env")).toEqual(["acme/web/one", "acme/web/two"]);
    expect(await list("?tagName=env&tagValue=two")).toEqual(["acme/web/two"]);
    expect(await list("?tagName=env&tagValue=")).toEqual([]);
    expect(await list("?tagName=other")).toEqual([]);
  });

  it("says when a stack was last updated, 0 while one runs, nothing before the first", async () => {
    await newStack(token);
    const one = async () => (await ok<{ stacks: Listed[] }>("GET", "/api/user/stacks", { token })).stacks[0]!;
    expect(await one()).not.toHaveProperty("lastUpdate");
    expect(await one()).not.toHaveProperty("resourceCount");
    const before = Math.floor(Date.now() / 1000);
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
    expect((await one()).lastUpdate).toBeGreaterThanOrEqual(before);
    expect((await one()).lastUpdate).toBeLessThanOrEqual(Date.now() / 1000);
    expect(await one()).toMatchObject({ resourceCount: 1 });
    laterBy(0);
    const began = Math.floor(Date.now() / 1000);
    const update = await startUpdate(token);
    expect(await one()).toMatchObject({ lastUpdate: 0 });
    laterBy(120_000);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    expect(await one()).toMatchObject({ lastUpdate: began });
  });

  it.each([1, 2, 5, 12])("in pages of %i is the same list", async (size) => {
    for (let i = 0; i < 11; i++) await newStack(token, `p${i % 3}`, `s${i}`);
    const whole = await list();
    expect(whole).toHaveLength(11);
    const parts = await allPages<Listed>(`/api/user/stacks?maxResults=${size}`, "stacks", token);
    expect(parts.items.map((stack) => `${stack.orgName}/${stack.projectName}/${stack.stackName}`)).toEqual(whole);
    expect(parts.pages).toBe(Math.ceil(11 / size));
  });
});
