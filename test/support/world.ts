import { env } from "cloudflare:workers";
import { identitiesSql } from "../../scripts/identities.ts";
import { newTokenValue, peppersOf } from "../../src/auth/secret.ts";
import { ok } from "./client.ts";

/** Personal tokens of everyone in a new world: two organizations that do not know each other. */
export interface World {
  /** Of acme. */
  admin: string;
  member: string;
  billing: string;
  /** The administrator of globex, who has no rights in acme. */
  stranger: string;
}

export async function newWorld(): Promise<World> {
  const { sql, tokens } = await identitiesSql(
    { acme: { ada: "admin", mel: "member", bill: "billing-manager" }, globex: { gus: "admin" } },
    peppersOf(env.TOKEN_PEPPER),
    Date.now(),
  );
  // The simulator accepts several statements in one call, which takes half the time of a batch.
  await env.DB.prepare(sql).run();
  const acme = tokens["acme"]!;
  return { admin: acme["ada"]!, member: acme["mel"]!, billing: acme["bill"]!, stranger: tokens["globex"]!["gus"]! };
}

export interface NewToken {
  id: string;
  tokenValue: string;
}

/** An organization token of acme, made as an admin makes it. */
export const newOrgToken = (world: World, name: string, more: Record<string, unknown> = {}) =>
  ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.admin, json: { name, ...more } });

/** A token of a new team of acme that nobody is in, both written directly into the database, without an event. */
export async function newTeamToken(team = "platform"): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(env.TOKEN_PEPPER));
  const now = Date.now();
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO teams (id, org_id, name, display_name, description, created_at)
       SELECT ?, id, ?, ?, '', ? FROM organizations WHERE name = 'acme'`,
    ).bind(`team-${team}`, team, team, now),
    env.DB.prepare(
      `INSERT INTO access_tokens (id, kind, org_id, team, team_id, name, description, hash, created_at, created_by)
       SELECT ?, 'team', org_id, name, id, ?, '', ?, ?, 'ada' FROM teams WHERE id = ?`,
    ).bind(crypto.randomUUID(), `team-${team}`, hash, now, `team-${team}`),
  ]);
  return value;
}

/** Makes a team of acme, whose administrator is acme's. */
export const newTeam = (world: World, name = "platform") =>
  ok("POST", "/api/orgs/acme/teams/pulumi", { token: world.admin, json: { name, displayName: name, description: "" } });

/** Makes a stack in acme. */
export const newStack = (token: string, project = "web", stack = "dev") =>
  ok("POST", `/api/stacks/acme/${project}`, { token, json: { stackName: stack } });

export interface RunningUpdate {
  id: string;
  lease: string;
  version: number;
  /** Path of the update, `/api/stacks/…/update/<id>`. */
  path: string;
}

/** Creates and starts an update of a stack of acme. */
export async function startUpdate(
  token: string,
  options: { stack?: string; kind?: string; dryRun?: boolean; journaling?: boolean } = {},
): Promise<RunningUpdate> {
  const { stack = "web/dev", kind = "update", dryRun = false, journaling = true } = options;
  const created = await ok<{ updateID: string }>("POST", `/api/stacks/acme/${stack}/${kind}`, {
    token,
    json: {
      name: "web",
      runtime: "yaml",
      main: "",
      description: "",
      options: { dryRun },
      config: {},
      metadata: { message: "", environment: {} },
    },
  });
  const path = `/api/stacks/acme/${stack}/update/${created.updateID}`;
  const started = await ok<{ token: string; version: number }>("POST", path, { token, json: journaling ? { journalVersion: 1 } : {} });
  return { id: created.updateID, lease: started.token, version: started.version, path };
}

export async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
