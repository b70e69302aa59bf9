import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { component, deploymentOf } from "../support/deployment.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

let world: World;
let token: string;
let id: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.admin;
  await newStack(world.member);
  id = (await ok<{ id: string }>("GET", STACK_PATH, { token })).id;
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const DELETED_PATH = "/api/orgs/acme/restore-stack";
const deleted = async () =>
  (await ok<{ deletedStacks: { id: string; deletedAt: number }[] }>("GET", DELETED_PATH, { token })).deletedStacks;
const remove = () => ok("DELETE", `${STACK_PATH}?force=true`, { token });

describe("deleted stacks", () => {
  it("are listed, and say how they stood", async () => {
    expect(await deleted()).toEqual([]);
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
    const before = Math.floor(Date.now() / 1000);
    await remove();
    const after = Date.now() / 1000;
    const [stack] = await deleted();
    expect(stack).toMatchObject({
      id,
      programId: id,
      projectName: "web",
      stackName: "dev",
      version: 1,
      lastUpdate: { result: "succeeded", resourceCount: 1 },
    });
    expect(stack!.deletedAt).toBeGreaterThanOrEqual(before);
    expect(stack!.deletedAt).toBeLessThanOrEqual(after);
  });

  it("are the newest 25, of the organization alone", async () => {
    await env.DB.batch(
      Array.from({ length: 30 }, (_, i) =>
        env.DB.prepare(
          "INSERT INTO stacks (id, org_id, project, name, created_at, deleted_at) SELECT ?, id, 'web', 'old', 0, ? FROM organizations WHERE name = 'acme'",
        ).bind(`old-${i}`, 1000 * i),
      ),
    );
    expect((await deleted()).map((stack) => stack.id)).toEqual(Array.from({ length: 25 }, (_, i) => `old-${29 - i}`));
    expect(await ok("GET", "/api/orgs/globex/restore-stack", { token: world.stranger })).toEqual({ deletedStacks: [] });
  });

  it("come back as they were, and that is an event", async () => {
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "aGk=" } });
    await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { a: "b" } });
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
    const before = [await ok("GET", STACK_PATH, { token }), await ok("GET", `${STACK_PATH}/export`, { token })];
    await remove();
    const events = await eventsOf(() => ok("POST", `${DELETED_PATH}/${id}`, { token, json: { stackName: "dev" } }));
    expect(events).toMatchObject([
      { event: "stack-restored", userLogin: "ada", stack: "web/dev", description: 'Restored stack "acme/web/dev".' },
    ]);
    expect([await ok("GET", STACK_PATH, { token }), await ok("GET", `${STACK_PATH}/export`, { token })]).toEqual(before);
    expect(await ok("POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } })).toEqual({ plaintext: "aGk=" });
    expect(await deleted()).toEqual([]);
  });

  it("do not come back where the name is taken, or under another one, or twice", async () => {
    await remove();
    await ok("POST", "/api/stacks/acme/web", { token, json: { stackName: "DEV" } });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(409, "POST", `${DELETED_PATH}/${id}`, { token, json: { stackName: "dev" } })).toBe(
          "Conflict: Stack with this name already exists",
        );
        await refused(400, "POST", `${DELETED_PATH}/${id}`, { token, json: { stackName: "other" } });
        await refused(400, "POST", `${DELETED_PATH}/${id}`, { token, json: {} });
        await refused(404, "POST", `${DELETED_PATH}/none`, { token, json: { stackName: "dev" } });
        await refused(404, "POST", `/api/orgs/globex/restore-stack/${id}`, { token: world.stranger, json: { stackName: "dev" } });
      }),
    );
    expect(events).toEqual([]);
    await ok("DELETE", "/api/stacks/acme/web/DEV", { token });
    const answers = await Promise.all([1, 2, 3].map(() => call("POST", `${DELETED_PATH}/${id}`, { token, json: { stackName: "dev" } })));
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([204, 404, 404]);
  });

  it("are not for members", async () => {
    await remove();
    await changesNothing(async () => {
      await refused(403, "GET", DELETED_PATH, { token: world.member });
      await refused(403, "POST", `${DELETED_PATH}/${id}`, { token: world.member, json: { stackName: "dev" } });
    });
  });
});

it("a stack says who made it, and that its creator has a right on it", async () => {
  const ownedBy = { name: "mel", githubLogin: "mel", avatarUrl: "" };
  const notificationSettings = { notifyUpdateSuccess: false, notifyUpdateFailure: false };
  expect(await ok("GET", `${STACK_PATH}/metadata`, { token })).toEqual({
    orgName: "acme",
    projectName: "web",
    stackName: "dev",
    ownedBy,
    notificationSettings,
  });
  expect(await ok("GET", `${STACK_PATH}/teams`, { token })).toEqual({ projectName: "web", teams: [] });
  expect(await ok("GET", `${STACK_PATH}/collaborators`, { token })).toEqual({
    stackCreatorUserName: "mel",
    users: [{ user: { githubLogin: "mel", name: "mel", avatarUrl: "" }, permission: 104 }],
  });
  for (const what of ["metadata", "teams", "collaborators"]) await refused(404, "GET", `/api/stacks/acme/web/none/${what}`, { token });
});
