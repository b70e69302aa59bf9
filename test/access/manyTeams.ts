import { env } from "cloudflare:workers";
import { readIdentity } from "../../src/auth/identity.ts";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";
import { openStore } from "../../src/db/client.ts";
import { newRole } from "../teams/people.ts";

export const TEAMS = 50;
export const STACKS = 5000;

/** Puts a person into 50 teams of acme. They have one role, and grants on 5,000 stacks; one stack in six has no grant. */
export async function giveManyTeams(userId: string): Promise<void> {
  const role = await newRole("manager", ["team:update"]);
  const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, n) => n));
  const orgId = "(SELECT id FROM organizations WHERE name = 'acme')";
  const run = (sql: string, ...values: unknown[]) =>
    env.DB.prepare(sql)
      .bind(...values)
      .run();
  await run(
    `INSERT INTO stacks (id, org_id, project, name, created_at)
     SELECT 'm-' || value, ${orgId}, 'many', 'stack-' || printf('%05d', value), 0 FROM json_each(?)`,
    numbers(STACKS * 1.2),
  );
  await run(
    `INSERT INTO teams (id, org_id, name, display_name, description, created_at)
     SELECT 'm-' || value, ${orgId}, 'many-' || value, '', '', 0 FROM json_each(?)`,
    numbers(TEAMS),
  );
  await run(
    `INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at)
     SELECT 'm-' || value, 'team', 'm-' || (value % ${TEAMS}), 101, 0 FROM json_each(?) WHERE value % 6 < 5`,
    numbers(STACKS * 1.2),
  );
  await run("INSERT INTO team_roles (team_id, role_id) SELECT 'm-' || value, ? FROM json_each(?)", role, numbers(TEAMS));
  await run("INSERT INTO team_members (team_id, user_id, created_at) SELECT 'm-' || value, ?, 0 FROM json_each(?)", userId, numbers(TEAMS));
}

/** Reads the identity of a token's holder from the database. */
export const identityOf = async (value: string) =>
  readIdentity(openStore(env), (await hashTokenValue(peppersOf(env.TOKEN_PEPPER), value))!, Date.now());
