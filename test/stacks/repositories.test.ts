import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Repository {
  orgName: string;
  name: string;
  projects: { name: string; repoName: string; stacks: { name: string; routingProject: string; lastUpdate?: object }[] }[];
}
const repositories = async (token = world.member) => (await ok<{ repos: Repository[] }>("GET", "/api/orgs/acme", { token })).repos;
const names = (repos: Repository[]) =>
  repos.flatMap(({ projects }) => projects.flatMap(({ name, stacks }) => stacks.map((stack) => `${name}/${stack.name}`)));

it("an organization without stacks has no repositories", async () => {
  expect(await ok("GET", "/api/orgs/acme", { token: world.member })).toEqual({
    githubLogin: "acme",
    name: "acme",
    avatarUrl: "",
    repos: [],
  });
});

it("an organization has a repository for each project, with its stacks and their last updates", async () => {
  for (const [project, stack] of [
    ["web", "prod"],
    ["api", "dev"],
    ["web", "dev"],
  ] as const)
    await newStack(world.member, project, stack);
  await ok("POST", "/api/stacks/acme/web/dev/import", { token: world.member, json: deploymentOf([rootStack]) });
  await startUpdate(world.member, { stack: "web/prod" });
  const repos = await repositories();
  expect(names(repos)).toEqual(["api/dev", "web/dev", "web/prod"]);
  expect(repos[1]).toMatchObject({
    orgName: "acme",
    name: "web",
    projects: [
      {
        orgName: "acme",
        repoName: "web",
        name: "web",
        stacks: [
          { name: "dev", routingProject: "web", lastUpdate: { result: "succeeded", resourceCount: 1 } },
          { name: "prod", lastUpdate: { result: "in-progress" } },
        ],
      },
    ],
  });
  expect(repos[0]!.projects[0]!.stacks[0]).not.toHaveProperty("lastUpdate");
});

it("repositories have no stack of another organization, no deleted one, and none for a role that opens none", async () => {
  for (const stack of ["dev", "old"]) await newStack(world.member, "web", stack);
  await ok("DELETE", "/api/stacks/acme/web/old", { token: world.member });
  await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "theirs" } });
  expect(names(await repositories())).toEqual(["web/dev"]);
  expect(await repositories(world.billing)).toEqual([]);
  expect(names(await repositories((await newOrgToken(world, "ro", { roleID: "read-only" })).tokenValue))).toEqual(["web/dev"]);
  await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
});

it("1,501 stacks of 3 projects come whole, page by page of the database", async () => {
  await env.DB.prepare(
    `INSERT INTO stacks (id, org_id, project, name, created_at)
     SELECT 's' || value, (SELECT id FROM organizations WHERE name = 'acme'), 'p' || (value % 3), 's' || value, 0 FROM json_each(?)`,
  )
    .bind(JSON.stringify(Array.from({ length: 1501 }, (_, i) => i)))
    .run();
  const repos = await repositories();
  expect(repos.map(({ name }) => name)).toEqual(["p0", "p1", "p2"]);
  const all = names(repos);
  expect(all).toHaveLength(1501);
  expect(new Set(all).size).toBe(1501);
});
