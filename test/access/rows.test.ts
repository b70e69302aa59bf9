import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { newPerson } from "../teams/people.ts";
import { cachedIdentity } from "../support/cache.ts";
import { ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { newWorld } from "../support/world.ts";
import { STACKS, TEAMS, giveManyTeams, identityOf } from "./manyTeams.ts";

beforeEach(async () => {
  await newWorld();
  await env.DB.prepare("UPDATE organizations SET default_stack_permission = 0, settings_version = settings_version + 1").run();
});

const PAGE = 100;

/** Counts the rows that D1 reads for some work. */
function rowCounter() {
  const count = countRowsRead();
  return async (work: () => Promise<unknown>): Promise<number> => {
    const before = count();
    await work();
    return count() - before;
  };
}

it("reads the identity of a member of 50 teams with 5,000 granted stacks with at most twice the rows of one without any", async () => {
  const none = await newPerson("none");
  const many = await newPerson("many");
  await giveManyTeams("many");
  const rowsOf = rowCounter();
  const few = await rowsOf(() => identityOf(none));
  const rows = await rowsOf(() => identityOf(many));
  console.log(`rows of an identity: ${few} without teams, ${rows} with ${TEAMS} teams`);
  expect(few).toBeGreaterThan(0);
  // A look-up by a key reads one row, however many grants there are.
  expect(few).toBeLessThanOrEqual(20);
  expect(rows).toBeLessThanOrEqual(2 * few);
  expect(await identityOf(many)).toMatchObject({
    identity: { actor: { memberships: [{ hasStackGrants: true, ofTeams: [{ scopes: ["team:update"] }] }] } },
  });
});

it("lists a page of that member's stacks with the rows of the page, of its grants and of the teams", async () => {
  const none = await newPerson("none");
  const many = await newPerson("many");
  await giveManyTeams("many");
  const rowsOf = rowCounter();
  const nothing = await rowsOf(() => ok("GET", "/api/user/stacks", { token: none }));
  expect(nothing, "a list of nothing").toBeLessThanOrEqual(30);
  const listed = () => ok<{ stacks: unknown[]; continuationToken?: string }>("GET", `/api/user/stacks?maxResults=${PAGE}`, { token: many });
  expect((await listed()).stacks).toHaveLength(PAGE);
  await cachedIdentity(many);
  const rows = await rowsOf(listed);
  console.log(`rows of a page of ${PAGE} of ${STACKS} granted stacks: ${rows}`);
  // The list reads one row for each stack up to the last one of the page (one in six of these is not granted), one for each grant, one for
  // each team, and 12 for the caller.
  expect(rows).toBeLessThanOrEqual(Math.ceil((PAGE + 1) * 1.2) + (PAGE + 1) + TEAMS + 12);
});
