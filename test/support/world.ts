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
  /** Administrator of globex, and nothing in acme. */
  stranger: string;
}

export async function newWorld(): Promise<World> {
  const { sql, tokens } = await identitiesSql(
    { acme: { ada: "admin", mel: "member", bill: "billing-manager" }, globex: { gus: "admin" } },
    peppersOf(env.TOKEN_PEPPER),
    Date.now(),
  );
  await env.DB.batch(
    sql
      .trim()
      .split("\n")
      .map((line) => env.DB.prepare(line)),
  );
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

/** A team token, for which there is no route yet: the row is written by hand. */
export async function newTeamToken(team = "platform"): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(env.TOKEN_PEPPER));
  await env.DB.prepare(
    `INSERT INTO access_tokens (id, kind, org_id, team, name, description, hash, created_at, created_by)
     VALUES (?, 'team', (SELECT id FROM organizations WHERE name = 'acme'), ?, ?, '', ?, ?, 'ada')`,
  )
    .bind(crypto.randomUUID(), team, `team-${team}`, hash, Date.now())
    .run();
  return value;
}

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
