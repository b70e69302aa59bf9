import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, onTestFinished, vi } from "vitest";
import { newTokenValue, peppersOf } from "../../../src/auth/secret.ts";
import { newIdAt } from "../../../src/db/places.ts";
import { ok } from "../../support/client.ts";
import { eventually } from "../../support/clock.ts";
import { type Exported, component, creates } from "../../support/deployment.ts";
import { freshBindings, makeTablesIn } from "../../support/fresh.ts";
import { type World, newWorld } from "../../support/world.ts";

/**
 * An organization of a deployment with two databases. Organizations alternate between them, and each is used by a machine token of its own: people
 * are in the directory only (docs/scale.md).
 */
export interface Organization {
  name: string;
  id: string;
  place: number;
  token: string;
  tokenId: string;
}

export const pepper = () => peppersOf(env.TOKEN_PEPPER);
export const databaseOf = ({ place }: Pick<Organization, "place">) => (place === 1 ? env.DB : env.SECOND);
export const others = ({ place }: Organization) => databaseOf({ place: 3 - place });

/** The people of the directory. */
export let world: World;
export let organizations: Organization[];

/** Each test of the file begins with these organizations. */
export function twoDatabases(names = ["north", "east", "south", "west"]): void {
  beforeEach(async () => {
    // Work of an earlier test may keep the database open while the bindings are emptied.
    while ((await env.SECOND.prepare("SELECT count(*) AS n FROM sqlite_master").first<number>("n")) !== 0) await freshBindings();
    env.DB_2 = env.SECOND;
    world = await newWorld();
    await makeTablesIn(env.SECOND);
    organizations = [];
    for (const [i, name] of names.entries()) organizations.push(await newOrganization(name, 1 + (i % 2)));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    // Without its database, an event that arrives later would become a dead letter of another test.
    for (let tries = 0; tries < 200 && (await waiting()) > 0; tries++) await scheduler.wait(5);
    delete env.DB_2;
  });
}

/** Number of events that are not in the log yet. */
async function waiting(): Promise<number> {
  const counts = await Promise.all(
    [env.DB, env.SECOND].map((db) => db.prepare("SELECT count(*) AS n FROM audit_outbox").first<number>("n")),
  );
  return counts[0]! + counts[1]!;
}

/** An organization with a token that is an administrator. No operation makes one outside of the directory yet. */
export async function newOrganization(name: string, place: number): Promise<Organization> {
  const [id, tokenId] = [newIdAt(place), crypto.randomUUID()];
  const { value, hash } = await newTokenValue(pepper(), place);
  const db = databaseOf({ place });
  await db.batch([
    db
      .prepare("INSERT INTO organizations (id, name, display_name, created_at, audit_retention_days) VALUES (?, ?, ?, 0, 1)")
      .bind(id, name, name),
    db
      .prepare(
        `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, role, created_at, created_by, may_rotate_itself)
         VALUES (?, 'organization', ?, 'ci', '', ?, 'admin', 0, 'ada', 1)`,
      )
      .bind(tokenId, id, hash),
  ]);
  return { name, id, place, token: value, tokenId };
}

/**
 * The personal token of an administrator of the organization, written into its own database. No operation makes such a person outside of the
 * directory: the tests need one for what only people may set up.
 */
export async function administratorOf(org: Organization): Promise<string> {
  const { value, hash } = await newTokenValue(pepper(), org.place);
  const id = crypto.randomUUID();
  const db = databaseOf(org);
  await db.batch([
    db.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, 'A', '', 0)").bind(id, `admin-of-${org.name}`),
    db.prepare("INSERT INTO members (org_id, user_id, role, created_at, accepted_at) VALUES (?, ?, 'admin', 0, 0)").bind(org.id, id),
    db
      .prepare(
        "INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by) VALUES (?, 'personal', ?, '', '', ?, 0, '')",
      )
      .bind(crypto.randomUUID(), id, hash),
  ]);
  return value;
}

/** Does the same work in all organizations at the same time, so that their requests alternate. */
export const inEach = <T>(work: (org: Organization) => Promise<T>) => Promise.all(organizations.map(work));
export const at = (place: number) => organizations.find((org) => org.place === place)!;
export const stackOf = ({ name }: Organization) => `/api/stacks/${name}/web/dev`;
export const newStackIn = (org: Organization) =>
  ok("POST", `/api/stacks/${org.name}/web`, { token: org.token, json: { stackName: "dev" } });

export async function startIn(org: Organization) {
  const { token } = org;
  const created = await ok<{ updateID: string }>("POST", `${stackOf(org)}/update`, { token, json: { name: "web", runtime: "yaml" } });
  const path = `${stackOf(org)}/update/${created.updateID}`;
  const { token: lease } = await ok<{ token: string }>("POST", path, { token, json: { journalVersion: 1 } });
  return { path, lease };
}

export async function updateIn(org: Organization, resource = "a"): Promise<void> {
  const { path, lease } = await startIn(org);
  await ok("PATCH", `${path}/journalentries`, { lease, json: { entries: creates(component(`${org.name}-${resource}`)) } });
  await ok("POST", `${path}/renew_lease`, { lease, json: { duration: 300 } });
  await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
}

export const urnsIn = async (org: Organization) =>
  (await ok<Exported>("GET", `${stackOf(org)}/export`, { token: org.token })).deployment.resources?.map(({ urn }) => urn).sort();

/** Number of rows of an organization in a database. */
export async function rowsOf({ id }: Organization, db: D1Database): Promise<Record<string, number>> {
  const count = async (table: string, where: string) =>
    (await db.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${where}`).bind(id).first<number>("n"))!;
  return {
    stacks: await count("stacks", "org_id = ?"),
    updates: await count("updates", "stack_id IN (SELECT id FROM stacks WHERE org_id = ?)"),
    events: await count("audit_events", "org_id = ?"),
    heads: await count("audit_heads", "org_id = ?"),
    promised: await count("audit_outbox", "body->>'orgId' = ?"),
    used: await count("token_usage", "token_id IN (SELECT id FROM access_tokens WHERE org_id = ?)"),
  };
}

/** Waits until every event of the organization is in its log. */
export const settled = (org: Organization) =>
  eventually(async () => {
    const rows = await rowsOf(org, databaseOf(org));
    expect(rows["promised"]).toBe(0);
    expect(rows["events"]).toBeGreaterThan(0);
    return rows;
  });

/** Makes the second database fail until the returned function is called. @returns ends the fault */
export function breakSecond(): () => void {
  const broken = {
    prepare: (query: string) => env.SECOND.prepare(query),
    batch: () => Promise.reject(new Error("D1_ERROR: network connection lost")),
  };
  const spy = vi.spyOn(env.SECOND, "withSession").mockReturnValue(broken as unknown as D1DatabaseSession);
  const mend = () => spy.mockRestore();
  onTestFinished(mend);
  return mend;
}
