import { type SQL, and, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { circumstancesOf } from "../auth/editions.ts";
import { type Holder, type Question, reasonsFor } from "../auth/explain.ts";
import { guarded } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { type StackPath, stackNotFound } from "../stacks/path.ts";
import { givesToPerson, givesToToken, givingOf } from "./giving.ts";
import type { StackAccess } from "./openapi.ts";
import * as holders from "./holders.ts";
import * as queries from "./queries.ts";
import type { ListStackAccessQuery } from "./schema.ts";
import { toReason } from "./sentence.ts";

const PAGE_SIZE = 100;
/** Maximum number of reasons of one entry: a person can be in a thousand teams. */
const MOST_REASONS = 10;

/** The sections of the list: teams by name; then people and tokens, the oldest first. */
const [TEAMS, PEOPLE, TOKENS] = [0, 1, 2] as const;
const Key = z.union([z.tuple([z.literal(TEAMS), z.string(), z.string()]), z.tuple([z.literal([PEOPLE, TOKENS]), z.number(), z.string()])]);

interface Entry {
  key: z.infer<typeof Key>;
  subject: string;
  name: string;
  holder: Holder;
}

/**
 * Lists the teams, people and access tokens that have a right on a stack, each with the reasons. It contains tokens only for callers who may list
 * them. A page can have fewer entries than its size, because the limits of tokens are checked after the page is read.
 */
export async function listStackAccess(
  ctx: OrgContext,
  path: StackPath,
  { permission, maxResults: size = PAGE_SIZE, continuationToken }: z.infer<typeof ListStackAccessQuery>,
): Promise<StackAccess> {
  const stackId = queries.idOf(ctx, path);
  const [found, roles, teams] = await guarded(ctx, [
    queries.stackQuery(ctx, path),
    queries.rolesQuery(ctx),
    queries.teamsQuery(ctx, stackId),
  ]);
  const [stack] = found;
  if (!stack) throw stackNotFound(path);
  const question: Question = { permission, stack, circumstances: circumstancesOf(ctx) };
  const givers = holders.giversOf(roles, teams);
  const giving = givingOf(ctx, givers, question);

  const after = fromCursor(continuationToken, Key) ?? [TEAMS, "", ""];
  const [people, tokens] = await guarded(ctx, [
    queries
      .peopleQuery(ctx, stackId, and(givesToPerson(giving, stackId), follows(after, PEOPLE, sql`(members.created_at, members.user_id)`)))
      .limit(size + 1),
    queries
      .tokensQuery(
        ctx,
        stackId,
        and(
          givesToToken(giving, stackId),
          queries.isOneOf(sql`access_tokens.kind`, shownKinds(ctx)),
          lives(ctx.now),
          follows(after, TOKENS, sql`(access_tokens.created_at, access_tokens.id)`),
        ),
      )
      .limit(size + 1),
  ]);
  const entries: Entry[] = [
    ...teams
      .filter(({ id }) => giving.teams.includes(id))
      .map((team) => ({ key: [TEAMS, team.name.toLowerCase(), ""] as Entry["key"], team }))
      .filter(({ key }) => after[0] === TEAMS && key[1] > after[1])
      .toSorted((one, other) => (one.key[1] < other.key[1] ? -1 : 1))
      .map(({ key, team }) => ({
        key,
        subject: `team:${team.name}`,
        name: team.displayName,
        holder: holders.ofTeam(ctx, givers, team.id),
      })),
    ...people.map((person): Entry => {
      const { id, login, name, joined } = person;
      return { key: [PEOPLE, joined, id], subject: `user:${login}`, name: name || login, holder: holders.ofPerson(ctx, givers, person) };
    }),
    ...tokens.map((token): Entry => {
      const { id, name, createdAt } = token;
      return { key: [TOKENS, createdAt, id], subject: `token:${id}`, name, holder: holders.ofToken(ctx, givers, token) };
    }),
  ];
  const { items, continuationToken: next } = page(entries, size, ({ key }) => key);
  const stackName = `${stack.projectName}/${stack.stackName}`;
  const access = items.map(({ subject, name, holder }) => {
    const reasons = reasonsFor(holder, question).map((source) => toReason(source, ctx.org.name, stackName));
    const more = reasons.length - MOST_REASONS;
    return { subject, name, reasons: reasons.slice(0, MOST_REASONS), ...(more > 0 && { moreReasons: more }) };
  });
  return { access: access.filter(({ reasons }) => reasons.length > 0), continuationToken: next };
}

/** SQL condition: the row of a section comes after the last row of the page before. */
const follows = ([section, ...key]: z.infer<typeof Key>, here: number, column: SQL): SQL | undefined =>
  here === section ? sql`${column} > (${key[0]}, ${key[1]})` : here < section ? sql`0` : undefined;

/** The kinds of tokens that the caller may list. */
const shownKinds = (ctx: OrgContext) => [
  ...(has(ctx, "org_token:read") ? ["organization"] : []),
  ...(has(ctx, "team:list_tokens") ? ["team"] : []),
];
