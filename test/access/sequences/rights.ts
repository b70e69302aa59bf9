/** Everything that callers may do, as one text for each right on the organization or a stack. The service's own function decides. */
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { type OrgPermission, orgPermissions } from "../../../src/access/permissions.ts";
import { stackFactsQuery, toStackFacts } from "../../../src/auth/onStack.ts";
import { decide } from "../../../src/auth/policy.ts";
import { identityFrom, identityQueries } from "../../../src/auth/identity.ts";
import type { Actor, OnStack } from "../../../src/context.ts";
import { batch, openStore } from "../../../src/db/client.ts";
import type { Rows } from "./tables.ts";

const store = openStore(env);

export const HOME = "192.0.2.7";
const ELSEWHERE = "203.0.113.9";
const at = (address: string) => ({ now: Date.now(), address, country: "", defaultEdition: "enterprise" }) as const;

const STACKS = ["dev", "prod"];
/** Stacks that somebody could create later. */
const NEW: [name: string, tags: Record<string, string>][] = [
  ["new", {}],
  ["new-prod", { env: "prod" }],
];
const ofTeamAdministrators: OrgPermission[] = ["team:update", "team:list_tokens", "team:create_token", "team:delete_token"];

/** The rights of a credential without the limits of a token. */
export const UNLIMITED = ["use in other networks", "use for ever"] as const;

export type Cells = Set<string>;

/** The rights of the holders of these tokens, by token id. A token that has ended has none. */
export async function rightsOf(tokenIds: string[], rows: Rows): Promise<Map<string, Cells>> {
  const orgId = String(rows.organizations.find(({ name }) => name === "acme")!["id"]);
  const identities = tokenIds.flatMap((id) => [
    ...identityQueries(store, sql`(SELECT hash FROM access_tokens AS one WHERE one.id = ${id})`),
  ]);
  const facts = tokenIds.flatMap((id) => STACKS.map((stackName) => stackFactsQuery(store, id, orgId, { projectName: "web", stackName })));
  const results: unknown[] = await batch(store, [...identities, ...facts] as never);
  return new Map(
    tokenIds.map((id, i) => {
      const [tokens, memberships] = results.slice(2 * i, 2 * i + 2) as Parameters<typeof identityFrom> extends [infer A, infer B, number]
        ? [A, B]
        : never;
      const found = identityFrom(tokens, memberships, Date.now());
      const known = STACKS.map((stackName, s): [string, OnStack["facts"]] => [
        stackName,
        toStackFacts(results[2 * tokenIds.length + STACKS.length * i + s] as Parameters<typeof toStackFacts>[0]),
      ]);
      return [id, found && "identity" in found ? cellsOf(found.identity.actor, known, rows) : new Set<string>()];
    }),
  );
}

function cellsOf(actor: Actor, known: [string, OnStack["facts"]][], rows: Rows): Cells {
  const cells: Cells = new Set();
  const places = [...known, ...NEW.map(([name, tags]): [string, OnStack["facts"]] => [name, { stackId: name, tags, granted: [] }])];
  for (const permission of orgPermissions) {
    // A list is open to everybody, and contains the stacks of the caller.
    if (permission !== "stack:list" && decide(actor, permission, "acme", at(HOME)) === "allowed") cells.add(`${permission} on acme`);
    for (const [stackName, facts] of permission.startsWith("stack") ? places : []) {
      const stack = { projectName: "web", stackName };
      const onStack = { ...stack, needs: [], guarded: 0, facts };
      if (decide({ ...actor, onStack }, permission, "acme", at(HOME), stack) === "allowed") cells.add(`${permission} on ${stackName}`);
    }
  }
  for (const { id, name } of [...rows.teams, { id: "", name: "a new team" }]) {
    const administers =
      actor.kind === "user" &&
      rows.team_members.some((row) => row["team_id"] === id && row["user_id"] === actor.user.id && row["role"] === "admin");
    for (const permission of ofTeamAdministrators)
      if (cells.has(`${permission} on acme`) || (administers && cells.has("team:list on acme")))
        cells.add(`${permission} on ${name === "fresh" ? "a new team" : name}`);
  }
  if (actor.kind === "user") return cells;
  if (decide(actor, "organization:read", "acme", at(ELSEWHERE)) === "allowed") cells.add(UNLIMITED[0]);
  if (actor.limits.expiresAt === null || actor.limits.expiresAt > LATE) cells.add(UNLIMITED[1]);
  return cells;
}

/** No token with an expiry in these tests is valid for so long. */
const LATE = Date.now() + 30 * 86_400_000;
