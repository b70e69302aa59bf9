import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf, settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type Exported, component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import { breakDatabase, breakObjectWrites, loseDatabaseAnswers } from "../support/faults.ts";
import { changesNothing, objectKeys } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const rename = (json: unknown, path = STACK_PATH) => ok<{ updateId: string }>("POST", `${path}/rename`, { token, json });
const conflict = "Conflict: Stack 'acme/web/prod' already exists";

describe("renaming a stack", () => {
  it("gives it, its state and its newest version the new name, and keeps everything else", async () => {
    const tags = { "pulumi:project": "web", owner: "x" };
    await ok("PATCH", `${STACK_PATH}/tags`, { token, json: tags });
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "aGk=" } });
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack, component("a")]) });
    const before = await ok<{ id: string }>("GET", STACK_PATH, { token });

    const events = await eventsOf(async () => {
      const { updateId } = await rename({ newName: "prod", newProject: "" });
      expect(await ok("GET", "/api/stacks/acme/web/prod", { token })).toEqual({
        ...before,
        stackName: "prod",
        version: 2,
        activeUpdate: updateId,
      });
    });
    expect(events).toMatchObject([{ event: "stack-renamed", userLogin: "mel", stack: "web/dev", reqOrgAdmin: true }]);
    expect(events[0]!.description).toBe('Renamed stack "acme/web/dev" to "acme/web/prod".');

    const S2 = "/api/stacks/acme/web/prod";
    await refused(404, "GET", STACK_PATH, { token });
    await refused(404, "GET", `${STACK_PATH}/export`, { token });
    const exported = await ok<Exported>("GET", `${S2}/export`, { token });
    expect(exported.deployment.resources!.map((resource) => resource.urn)).toEqual([
      "urn:pulumi:prod::web::pulumi:pulumi:Stack::web-prod",
      "urn:pulumi:prod::web::my:index:Thing::a",
    ]);
    expect(await ok("GET", `${S2}/export/1`, { token })).toEqual(exported);
    expect(await ok("GET", `${S2}/export/2`, { token })).toEqual(exported);
    const { updates } = await ok<{ updates: unknown[] }>("GET", `${S2}/updates`, { token });
    expect(updates).toMatchObject([
      { kind: "rename", version: 2, result: "succeeded", resourceCount: 2, message: "Renamed from web/dev to web/prod" },
      { kind: "import", version: 1 },
    ]);
    expect(await ok("POST", `${S2}/decrypt`, { token, json: { ciphertext } })).toEqual({ plaintext: "aGk=" });
  });

  it("once and again: each older version is exported under the names of today, and its text is kept as it is", async () => {
    const provider = (project: string, stack: string) =>
      `{"type":"service","state":{"owner":"acme","project":"${project}","stack":"${stack}"}}`;
    const state = (project: string, stack: string) =>
      `{"version":3,"deployment":{"secrets_providers":${provider(project, stack)},"resources":[{"urn":"urn:pulumi:${stack}::${project}::a:b:C::x", "custom":false,"type":"a:b:C","inputs":{"n":9007199254740993,"text":"urn:pulumi:dev::web::a:b:C::x"}}]}}`;
    await ok("POST", `${STACK_PATH}/import`, { token, body: state("web", "dev") });
    await rename({ newName: "prod" });
    await ok("POST", "/api/stacks/acme/web/prod/import", { token, body: state("web", "prod").replace("9007", "1007") });
    await rename({ newName: "live", newProject: "api" }, "/api/stacks/acme/web/prod");
    const text = async (path: string) => (await call("GET", `/api/stacks/acme/api/live/export${path}`, { token })).text();
    // In a rewritten text the members have another order; the deployment keeps its bytes.
    const inner = (whole: string) => /"deployment":(\{.*\}\]\})/.exec(whole)?.[1];
    const [first, second] = [state("api", "live"), state("api", "live").replace("9007", "1007")];
    for (const [version, now] of [
      ["/1", first],
      ["/2", first],
      ["/3", second],
      ["/4", second],
      ["", second],
    ] as const) {
      expect(inner(await text(version)), version).toBe(inner(now));
      expect(JSON.parse(await text(version))).toEqual(JSON.parse(now));
    }
    for (const version of [1, 2, 3, 4]) await ok("POST", "/api/stacks/acme/api/live/import", { token, body: await text(`/${version}`) });
    // The history keeps the old names of the resources.
    const { resources } = await ok<{ resources: { resource: { urn: string } }[] }>("GET", "/api/stacks/acme/api/live/resources/1", {
      token,
    });
    expect(resources[0]!.resource.urn).toBe("urn:pulumi:dev::web::a:b:C::x");
  });

  it("leaves the older versions of other stacks alone", async () => {
    await newStack(token, "web", "other");
    const state = deploymentOf([rootStack]);
    await ok("POST", "/api/stacks/acme/web/other/import", { token, json: state });
    await ok("POST", `${STACK_PATH}/import`, { token, json: state });
    await rename({ newName: "prod" });
    expect(await ok("GET", "/api/stacks/acme/web/other/export/1", { token })).toEqual(state);
    await refused(404, "GET", "/api/stacks/acme/web/prod/export/3", { token });
  });

  it("to another project takes the project's tag along", async () => {
    await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { "pulumi:project": "web", other: "web" } });
    await rename({ newName: "", newProject: "api" });
    expect(await ok("GET", "/api/stacks/acme/api/dev", { token })).toMatchObject({
      projectName: "api",
      stackName: "dev",
      tags: { "pulumi:project": "api", other: "web" },
    });
    expect((await call("HEAD", "/api/stacks/acme/web", { token })).status).toBe(404);
    expect((await call("HEAD", "/api/stacks/acme/api", { token })).status).toBe(200);
  });

  it("in case only is fine", async () => {
    await rename({ newName: "DEV" });
    expect(await ok("GET", "/api/stacks/acme/web/DEV", { token })).toMatchObject({ stackName: "DEV" });
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ stackName: "DEV" });
    const update = await startUpdate(token, { stack: "web/DEV" });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  });

  it("of a stack without a state leaves it without one", async () => {
    const before = await objectKeys();
    await rename({ newName: "prod" });
    expect(await objectKeys()).toEqual(before);
    expect(await (await call("GET", "/api/stacks/acme/web/prod/export", { token })).text()).toContain("0001-01-01");
    expect(await (await call("GET", "/api/stacks/acme/web/prod/export/1", { token })).text()).toContain("0001-01-01");
  });

  it("keeps the configuration of the newest update for `pulumi config refresh`", async () => {
    const config = { "web:a": { string: "1", secret: false, object: false } };
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: { config } });
    const { token: lease } = await ok<{ token: string }>("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
    await ok("POST", `${STACK_PATH}/update/${updateID}/complete`, { lease, json: { status: "succeeded" } });
    await rename({ newName: "prod" });
    expect(await ok("GET", "/api/stacks/acme/web/prod/updates/latest", { token })).toMatchObject({ info: { kind: "rename", config } });
  });

  it.each([
    [{}, "No rename to apply."],
    [{ newName: "", newProject: "" }, "No rename to apply."],
    [{ newName: null, newProject: null }, "No rename to apply."],
    [{ newName: "dev", newProject: "web" }, "No rename to apply."],
    [{ newName: "a/b" }, "Bad Request: a stack name has 1 to 100 characters of A-Z a-z 0-9 _ . -"],
    [{ newName: ".." }, "Bad Request: . and .. are not stack names"],
    [{ newProject: "a b" }, "Bad Request: a project name has 1 to 100 characters of A-Z a-z 0-9 _ . -"],
    [{ newName: 5 }, expect.stringContaining("newName") as string],
    [{ newName: "x".repeat(101) }, expect.stringContaining("100 characters") as string],
  ])("refuses %j", async (json, message) => {
    await changesNothing(async () => expect(await refused(400, "POST", `${STACK_PATH}/rename`, { token, json })).toEqual(message));
  });

  it("to a name that is taken, whatever its case, is refused", async () => {
    await newStack(token, "web", "prod");
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(409, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } })).toBe(conflict);
        await refused(409, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "PROD" } });
      }),
    );
    expect(events).toEqual([]);
  });

  it("that is not there is 404, and so is one of an organization that is hidden", async () => {
    await refused(404, "POST", "/api/stacks/acme/web/none/rename", { token, json: { newName: "x" } });
    await refused(404, "POST", `${STACK_PATH}/rename`, { token: world.stranger, json: { newName: "x" } });
    await refused(403, "POST", `${STACK_PATH}/rename`, { token: world.billing, json: { newName: "x" } });
  });

  it("is refused while an update runs, and not by a preview", async () => {
    const preview = await startUpdate(token, { dryRun: true });
    const update = await startUpdate(token);
    await changesNothing(async () => {
      expect(await refused(409, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } })).toBe(
        "Conflict: Another update is currently in progress.",
      );
    });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await rename({ newName: "prod" });

    // The preview continues under its old path, and so does a new stack with the old name.
    await ok("POST", `${preview.path}/renew_lease`, { lease: preview.lease, json: { duration: 300 } });
    await newStack(token);
    await startUpdate(token);
    await ok("POST", `${preview.path}/complete`, { lease: preview.lease, json: { status: "succeeded" } });
    expect(await ok("GET", "/api/stacks/acme/web/prod", { token })).toMatchObject({ version: 2 });
  });

  it("goes on with an update that was created before", async () => {
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
    await rename({ newName: "prod" });
    await refused(404, "POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
    const X = `/api/stacks/acme/web/prod/update/${updateID}`;
    const { token: lease, version } = await ok<{ token: string; version: number }>("POST", X, { token, json: { journalVersion: 1 } });
    expect(version).toBe(2);
    await ok("PATCH", `${X}/journalentries`, { lease, json: { entries: creates(component("b")) } });
    await ok("POST", `${X}/complete`, { lease, json: { status: "succeeded" } });
    expect(await ok("GET", "/api/stacks/acme/web/prod", { token })).toMatchObject({ version: 2 });
  });

  it("races with creations and renames for one name: one wins, and no object is left over", async () => {
    const names = ["a", "b", "c", "d"];
    for (const name of names) {
      await newStack(token, "web", name);
      await ok("POST", `/api/stacks/acme/web/${name}/import`, { token, json: deploymentOf([component(name)]) });
    }
    const answers = await Promise.all([
      ...names.map((name) => call("POST", `/api/stacks/acme/web/${name}/rename`, { token, json: { newName: "prod" } })),
      call("POST", "/api/stacks/acme/web", { token, json: { stackName: "prod" } }),
    ]);
    expect(answers.map((answer) => answer.status).sort((x, y) => x - y)).toEqual([200, 409, 409, 409, 409]);
    const named = await env.DB.prepare("SELECT DISTINCT state_key AS k FROM updates WHERE state_key IS NOT NULL ORDER BY k").all<{
      k: string;
    }>();
    expect((await objectKeys()).filter((key) => key.startsWith("state/")).sort((x, y) => (x < y ? -1 : 1))).toEqual(
      named.results.map((row) => row.k),
    );
  });

  it("twice at once to two names leaves one stack with one of them", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
    const answers = await Promise.all(["x", "y"].map((newName) => call("POST", `${STACK_PATH}/rename`, { token, json: { newName } })));
    expect(answers.map((answer) => answer.status).sort((x, y) => x - y)).toEqual([200, 404]);
    const { stacks } = await ok<{ stacks: { stackName: string }[] }>("GET", "/api/user/stacks", { token });
    expect(stacks).toHaveLength(1);
  });

  it("by a token that was deleted a moment ago is refused, cached or not", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await ok("GET", STACK_PATH, { token: tokenValue });
    await ok("DELETE", `/api/orgs/acme/tokens/${id}`, { token: world.admin });
    await changesNothing(() => refused(401, "POST", `${STACK_PATH}/rename`, { token: tokenValue, json: { newName: "prod" } }));
  });
});

describe("renaming when something fails", () => {
  beforeEach(() => ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) }));

  it("changes nothing when the state cannot be written", async () => {
    const mend = breakObjectWrites();
    await changesNothing(() => refused(503, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } }));
    mend();
    await rename({ newName: "prod" });
  });

  it("changes nothing when the database cannot be reached", async () => {
    await ok("GET", STACK_PATH, { token });
    const mend = breakDatabase();
    await refused(503, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } });
    mend();
    await rename({ newName: "prod" });
  });

  it("whose answer is lost has been done as a whole", async () => {
    await ok("GET", STACK_PATH, { token });
    // No work in the background takes part.
    await settledLog();
    // The database answers the first read of the stack, and not the change.
    const heal = loseDatabaseAnswers(1);
    await refused(503, "POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } });
    heal();
    expect(await ok("GET", "/api/stacks/acme/web/prod", { token })).toMatchObject({ version: 2 });
    const { deployment } = await ok<Exported>("GET", "/api/stacks/acme/web/prod/export", { token });
    expect(deployment.resources).toMatchObject([{ urn: "urn:pulumi:prod::web::pulumi:pulumi:Stack::web-prod" }]);
  });
});
