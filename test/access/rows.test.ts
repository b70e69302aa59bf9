import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { newPerson } from "../teams/people.ts";
import { ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { newWorld } from "../support/world.ts";
import { STACKS, TEAMS, giveManyTeams, identityOf } from "./manyTeams.ts";

beforeEach(async () => {
  await newWorld();
  await env.DB.prepare("UPDATE organizations SET default_stack_permission = 0, settings_version = settings_version + 1").run();
});

const PAGE = 100;

async function rowsOf(work: () => Promise<unknown>): Promise<number> {
  const count = countRowsRead();
  await work();
  return count();
}

it("reads the identity of a member of 50 teams with 5,000 granted stacks with at most twice the rows of one without any", async () => {
  const none = await newPerson("none");
  const many = await newPerson("many");
  await giveManyTeams("many");
  const few = await rowsOf(() => identityOf(none));
  const rows = await rowsOf(() => identityOf(many));
  console.log(`rows of an identity: ${few} without teams, ${rows} with ${TEAMS} teams`);
  expect(few).toBeGreaterThan(0);
  expect(rows).toBeLessThanOrEqual(2 * few);
  expect(await identityOf(many)).toMatchObject({
    identity: { actor: { memberships: [{ hasStackGrants: true, ofTeams: [{ scopes: ["team:update"] }] }] } },
  });
});

it("lists a page of that member's stacks with the rows of the page, of its grants and of the teams", async () => {
  const many = await newPerson("many");
  await giveManyTeams("many");
  const listed = () => ok<{ stacks: unknown[]; continuationToken?: string }>("GET", `/api/user/stacks?maxResults=${PAGE}`, { token: many });
  expect((await listed()).stacks).toHaveLength(PAGE);
  const rows = await rowsOf(listed);
  console.log(`rows of a page of ${PAGE} of ${STACKS} granted stacks: ${rows}`);
  // One for each stack, one for its grant, one for each team; 12 for the caller's rights.
  expect(rows).toBeLessThanOrEqual(2 * (PAGE + 1) + TEAMS + 12);
});
