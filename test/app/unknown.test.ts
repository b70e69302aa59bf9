import { beforeEach, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { absentFeature } from "../../src/stubs/absent.ts";
import { refused } from "../support/client.ts";
import { operations } from "../support/contract.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

describe("an operation that is not here", () => {
  it.each([
    ["GET", "/api/agents/signup", "set PULUMI_ACCESS_TOKEN"],
    ["POST", "/api/esc/environments/acme/yaml/open", "Environments (Pulumi ESC) are not supported"],
    ["POST", "/api/esc/environments/acme/yaml/check", "without 'environment:'"],
    ["GET", "/api/orgs/acme/members/mel/stacks", "put them in a team"],
    ["GET", "/api/stacks/acme/web/dev/deployments", "Deployments, schedules and drift detection are out of scope"],
    ["PATCH", "/api/stacks/acme/web/dev/update/u/checkpointdelta", "a client that does not journal sends full checkpoints"],
    ["PATCH", "/api/stacks/acme/web/dev/preview/u/checkpointverbatim", "a client that does not journal sends full checkpoints"],
    ["POST", "/api/registry/packages/private/acme/x/versions", "Packages and templates of your own"],
    ["POST", "/api/preview/agents/acme/tasks", "AI agents (Pulumi Neo) are out of scope"],
  ])("%s %s is 404 for everybody, and names what is missing", async (method, path, words) => {
    for (const token of [undefined, world.admin, world.stranger]) {
      const message = await refused(404, method, path, { token, ...(method === "POST" && { json: {} }) });
      expect(message.startsWith(`Not Found: '${method} ${path}' not found: `)).toBe(true);
      expect(message).toContain(words);
      expect(message).toMatch(/ See docs\/compatibility\.md\.$/);
    }
  });

  it.each(["/api/nothing", "/api/orgs/acme/nothing", "/api/stacks/teams/hooks/policy/nothing", "/api/orgs/neo/nothing", "/api"])(
    "%s names no feature that its names sound like",
    async (path) => {
      expect(await refused(404, "GET", path)).toBe(`Not Found: 'GET ${path}' not found`);
    },
  );

  it.skipIf(operations.size === 0)("belongs to a part of the public API that has a sentence", () => {
    const ours = new Set<string>(routes.map(({ definition }) => definition.operationId));
    const silent = [...operations].filter(([id, { path }]) => !ours.has(id) && !absentFeature(path));
    expect(silent.map(([id]) => id)).toEqual([]);
  });
});
