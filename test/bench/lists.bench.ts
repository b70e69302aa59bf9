/**
 * `npm run bench:lists`: pages of the lists over a small database and then, in the same run, over one of 10^4 stacks, 10^3 tokens and
 * 10^5 audit events, or ten times as many (`LISTS_SCALE=1`). Prints the rows that D1 read for each page, and the least time of some rounds. Rows
 * are exact; times are of one run on one machine.
 */
import { env } from "cloudflare:workers";
import { it } from "vitest";
import { toCursor } from "../../src/http/pagination.ts";
import { ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { newWorld } from "../support/world.ts";
import { STACKS, TEAMS, giveManyTeams, identityOf } from "../access/manyTeams.ts";
import { newPerson } from "../teams/people.ts";

const scale = Number(env.LISTS_SCALE);
const ROUNDS = 7;
const PAGE = 100;
const small = { stacks: 300, tokens: 300, members: 300, events: 3000 };
const large = { stacks: 100_000 * scale, tokens: 10_000 * scale, members: 10_000 * scale, events: 1_000_000 * scale };
type Size = typeof small;

/** Inserts the rows `from` to `to`, ten thousand at a time: `value` is the row's number. */
async function fill(from: number, to: number, sql: string, ...values: unknown[]): Promise<void> {
  const statement = env.DB.prepare(sql);
  for (let n = from; n < to; n += 5000) {
    const numbers = JSON.stringify(Array.from({ length: Math.min(5000, to - n) }, (_, i) => n + i));
    await statement.bind(numbers, ...values).run();
  }
}

/** Every fifth stack and token is deleted, every tenth token expired; filters of the log find one in a hundred to one in two. */
async function fillTo(size: Size, before: Size, orgId: string): Promise<void> {
  await fill(
    before.stacks,
    size.stacks,
    `INSERT INTO stacks (id, org_id, project, name, created_at, deleted_at)
     SELECT 's-' || value, ?2, 'project-' || printf('%03d', value % 1000), 'stack-' || printf('%06d', value), value, CASE WHEN value % 5 = 0 THEN 1 END
     FROM json_each(?1)`,
    orgId,
  );
  await fill(
    before.stacks,
    size.stacks,
    `INSERT INTO stack_tags (stack_id, name, value) SELECT 's-' || value, 'team', 'team-' || (value % 100) FROM json_each(?1)`,
  );
  await fill(
    before.tokens,
    size.tokens,
    `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, expires_at, deleted_at)
     SELECT 't-' || value, 'organization', ?2, 'token-' || value, '', 'hash-' || value, value, 'ada', CASE WHEN value % 10 = 1 THEN 5 END,
       CASE WHEN value % 5 = 0 THEN 1 END FROM json_each(?1)`,
    orgId,
  );
  await fill(
    before.members,
    size.members,
    `INSERT INTO users (id, login, name, created_at) SELECT 'u-' || value, 'user-' || value, 'U', value FROM json_each(?1)`,
  );
  await fill(
    before.members,
    size.members,
    `INSERT INTO members (org_id, user_id, role, created_at) SELECT ?2, 'u-' || value, 'member', value FROM json_each(?1)`,
    orgId,
  );
  await fill(
    before.events,
    size.events,
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin,
       req_stack_admin, auth_failure, seq, prev_hash, hash)
     SELECT 'e-' || printf('%07d', value), ?2, value * 1000, CASE value % 10 WHEN 3 THEN 'stack-deleted' ELSE 'stack-update-started' END,
       'Started an update of stack "acme/web/dev-' || (value % 1000) || '".', '203.0.113.' || (value % 100), 'user-' || (value % 50), 'U',
       't-' || (value % 100), 'token-' || (value % 100), 'web/dev-' || (value % 100), 0, 0, value % 70 = 0, value + 1, '', '' FROM json_each(?1)`,
    orgId,
  );
}

const log = "/api/orgs/acme/auditlogs/v2?maxResults=100";
const pages = (size: Size, orgId: string): Record<string, string> => {
  const middle = Math.floor(size.events / 2);
  return {
    "audit log": log,
    "audit log, in the middle": `${log}&continuationToken=${toCursor([middle * 1000, `e-${String(middle).padStart(7, "0")}`])}`,
    "audit log, twenty minutes": `${log}&startTime=${middle - 1200}&endTime=${middle}`,
    "audit log, event": `${log}&eventFilter=stack-deleted`,
    "audit log, user": `${log}&userFilter=user-7`,
    "audit log, token": `${log}&tokenFilter=token-7`,
    "audit log, stack": `${log}&stackFilter=web/dev-7`,
    "audit log, address": `${log}&sourceIPFilter=203.0.113.7`,
    "audit log, refusals": `${log}&refusalsOnly=true`,
    "audit log, words": `${log}&textFilter=update%20dev%20777`,
    "audit log, words by beginning": `${log}&textFilter=update%20777*`,
    "audit log, user and event": `${log}&userFilter=user-7&eventFilter=stack-update-started`,
    "audit log, token and stack": `${log}&tokenFilter=token-7&stackFilter=web/dev-7`,
    "tokens, active": "/api/orgs/acme/tokens?maxResults=100",
    "tokens, all": "/api/orgs/acme/tokens?filter=all&maxResults=100",
    "tokens, in the middle": `/api/orgs/acme/tokens?maxResults=100&continuationToken=${toCursor([Math.floor(size.tokens / 2), "t-"])}`,
    members: "/api/orgs/acme/members",
    "members, in the middle": `/api/orgs/acme/members?continuationToken=${toCursor([Math.floor(size.members / 2), "u-"])}`,
    stacks: "/api/user/stacks?maxResults=100",
    "stacks, in the middle": `/api/user/stacks?maxResults=100&continuationToken=${toCursor([orgId, "project-500", ""])}`,
    "stacks of an organization": "/api/user/stacks?organization=acme&maxResults=100",
    "stacks of a project": "/api/user/stacks?organization=acme&project=project-007&maxResults=100",
    "stacks with a tag": "/api/user/stacks?organization=acme&tagName=team&tagValue=team-7&maxResults=100",
  };
};

interface Measured {
  rows: number;
  shown: number;
  ms: number;
}

async function measure(size: Size, token: string, orgId: string, rowsRead: () => number): Promise<Record<string, Measured>> {
  const measured: Record<string, Measured> = {};
  for (const [name, path] of Object.entries(pages(size, orgId))) {
    let ms = Infinity;
    let rows = 0;
    let shown = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = rowsRead();
      const started = performance.now();
      const answer = await ok<Record<string, unknown[]>>("GET", path, { token });
      ms = Math.min(ms, performance.now() - started);
      rows = rowsRead() - before;
      shown = Object.values(answer).find(Array.isArray)?.length ?? 0;
    }
    measured[name] = { rows, shown, ms };
  }
  return measured;
}

it("lists", async () => {
  const world = await newWorld();
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  const nothing = { stacks: 0, tokens: 0, members: 0, events: 0 };
  await fillTo(small, nothing, orgId);
  const rowsRead = countRowsRead();
  const few = await measure(small, world.admin, orgId, rowsRead);
  const started = Date.now();
  await fillTo(large, small, orgId);
  console.log(`filled ${JSON.stringify(large)} in ${Math.round((Date.now() - started) / 1000)} s`);
  const many = await measure(large, world.admin, orgId, rowsRead);

  const lines = Object.entries(many).map(([name, { rows, shown, ms }]) => {
    const least = few[name]!;
    const ratio = ms / least.ms;
    const limit = 2 * Math.max(shown, 1) + 12;
    const verdict = `${rows <= limit ? "rows ok" : `rows MISS ${limit}`}, ${ratio <= 1.5 ? "time ok" : "time MISS 1.5"}`;
    return `${name.padEnd(28)} ${String(shown).padStart(5)} shown ${String(rows).padStart(8)} rows (small: ${String(least.rows).padStart(5)})  ${ms.toFixed(1).padStart(7)} ms ${ratio.toFixed(2).padStart(6)}x  ${verdict}`;
  });
  console.log(
    `\nGoal: at most twice the page (and 12 rows for the caller's rights), at most 1.5 times the small database's time of page ${PAGE}\n${lines.join("\n")}`,
  );
});

it("rights", async () => {
  await newWorld();
  await env.DB.prepare("UPDATE organizations SET default_stack_permission = 0, settings_version = settings_version + 1").run();
  const people = { none: await newPerson("none"), many: await newPerson("many") };
  await giveManyTeams("many");
  const rowsRead = countRowsRead();
  // The clock of workerd has milliseconds, so a time is the mean of a hundred calls, in the best round. The two databases are measured in
  // turns.
  const measured = async (work: () => Promise<unknown>) => {
    const before = rowsRead();
    const started = performance.now();
    for (let n = 0; n < 100; n++) await work();
    return { ms: (performance.now() - started) / 100, rows: (rowsRead() - before) / 100 };
  };
  for (const [name, work] of [
    ["identity", (token: string) => identityOf(token)],
    ["stacks", (token: string) => ok("GET", "/api/user/stacks?maxResults=100", { token })],
  ] as const) {
    const none: Awaited<ReturnType<typeof measured>>[] = [];
    const many: typeof none = [];
    for (let round = 0; round < ROUNDS; round++) {
      none.push(await measured(() => work(people.none)));
      many.push(await measured(() => work(people.many)));
    }
    const least = (list: typeof none) => Math.min(...list.map(({ ms }) => ms));
    console.log(
      `${name}: ${none.at(-1)!.rows} rows and ${least(none).toFixed(2)} ms for a member without teams, ${many.at(-1)!.rows} rows and ` +
        `${least(many).toFixed(2)} ms (${(least(many) / least(none)).toFixed(2)}x) with ${TEAMS} teams and ${STACKS} granted stacks`,
    );
  }
});
