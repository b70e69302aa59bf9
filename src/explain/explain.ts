import { sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { circumstancesOf } from "../auth/editions.ts";
import { type Holder, type Question, reasonsFor, refusalOf } from "../auth/explain.ts";
import { guarded } from "../auth/guard.ts";
import { isAdministrator, membershipOf } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import type { OrgContext } from "../context.ts";
import { forbidden, notFound } from "../errors.ts";
import { isLogin } from "../orgs/members.ts";
import { isTeam } from "../teams/find.ts";
import { stateOf } from "../tokens/accessToken.ts";
import { conditionsOf } from "./conditions.ts";
import {
  type Givers,
  type TokenRow,
  giversOf,
  idOf,
  isOneOf,
  peopleQuery,
  personHolder,
  rolesQuery,
  stackQuery,
  teamHolder,
  teamsQuery,
  tokenHolder,
  tokensQuery,
} from "./holders.ts";
import type { AccessExplanation } from "./openapi.ts";
import type { ExplainAccessQuery, Subject } from "./schema.ts";
import { refusalText, toReason } from "./sentence.ts";

/**
 * Explains whether somebody has a right, and by what. The limits of a token count, but not the network, because the question does not say from where
 * a call would come.
 * @throws 403 for a question about others by a caller who is not an administrator, 404 for a subject or a stack that the caller does not know
 */
export async function explainAccess(
  ctx: OrgContext,
  { subject, permission, project, stack: name }: z.infer<typeof ExplainAccessQuery>,
): Promise<AccessExplanation> {
  const self = selfOf(ctx);
  const isSelf = subject === undefined || isSame(subject, self) || isSame(subject, { kind: "token", name: ctx.actor.token.id });
  if (!isSelf && !isAdministrator(membershipOf(ctx))) throw await aboutOthers(ctx);
  const at = project !== undefined && name !== undefined ? { projectName: project, stackName: name } : undefined;
  const stackId = at && idOf(ctx, at);

  const asked = isSelf ? self : subject;
  const isThat = {
    user: isLogin(asked.name),
    token: sql`access_tokens.id = ${asked.name}`,
    team: isTeam(ctx, asked.name),
  }[asked.kind];
  const only = (kind: Subject["kind"]) => (asked.kind === kind ? isThat : sql`0`);
  const [found, people, tokens, teams] = await guarded(ctx, [
    stackQuery(ctx, at ?? { projectName: "", stackName: "" }),
    peopleQuery(ctx, stackId, only("user")),
    tokensQuery(ctx, stackId, only("token")),
    teamsQuery(ctx, stackId, only("team")),
  ]);
  const [stack] = found;
  if (at && !stack) throw notFound(`Stack '${ctx.org.name}/${at.projectName}/${at.stackName}'`);
  const [person, token, team] = [people[0], tokens[0], teams[0]];
  const row = person ?? token ?? team;
  if (!row) throw notFound(`${{ user: "User", token: "Token", team: "Team" }[asked.kind]} '${asked.name.slice(0, 100)}'`);

  const teamIds = person?.teamIds ?? (token ? [token.teamId ?? ""] : [row.id]);
  const roleId = person?.roleId ?? token?.roleId ?? "";
  const givers = await readGivers(ctx, stackId, roleId, teamIds);
  const whose = person ? personHolder(ctx, givers, person) : token ? tokenHolder(ctx, givers, token) : teamHolder(ctx, givers, row.id);
  // The limits of the caller's own credential count in a question about the caller.
  const holder: Holder = isSelf && ctx.actor.kind === "user" ? { ...whose, limits: withoutNetworks(ctx.actor.limits) } : whose;
  const question: Question = { permission, stack, circumstances: circumstancesOf(ctx) };
  const written = person ? `user:${person.login}` : token ? `token:${token.id}` : `team:${team!.name}`;
  const path = stack ? `${stack.projectName}/${stack.stackName}` : "";
  return {
    subject: written,
    permission,
    ...(stack && { stack: path }),
    ...answerOf(ctx, holder, question, path, token),
    conditions: conditionsOf(holder.limits, membershipOf(ctx).settings, ctx.org.name, token),
  };
}

function answerOf(ctx: OrgContext, holder: Holder, question: Question, path: string, token: TokenRow | undefined) {
  const state = token ? stateOf(token, ctx.now) : "active";
  const reasons = state === "active" ? reasonsFor(holder, question) : [];
  if (reasons.length > 0) return { allowed: true, reasons: reasons.map((source) => toReason(source, ctx.org.name, path)) };
  const by = state === "active" ? refusalOf(holder, question) : state;
  return { allowed: false, reasons: [], refusal: { by, text: refusalText(holder, by, question.permission, path) } };
}

/** The roles and teams that give rights to one subject. */
async function readGivers(ctx: OrgContext, stackId: ReturnType<typeof idOf> | undefined, roleId: string, teamIds: string[]): Promise<Givers> {
  const [roles, teams] = await guarded(ctx, [
    rolesQuery(
      ctx,
      sql`(roles.id = ${roleId} OR roles.id IN (SELECT role_id FROM team_roles WHERE ${isOneOf(sql`team_id`, teamIds)}))`,
    ),
    teamsQuery(ctx, stackId, isOneOf(sql`teams.id`, teamIds)),
  ]);
  return giversOf(roles, teams);
}

const selfOf = ({ actor }: OrgContext): Subject =>
  actor.kind === "user" ? { kind: "user", name: actor.user.login } : { kind: "token", name: actor.token.id };

const isSame = (one: Subject, other: Subject) => one.kind === other.kind && one.name.toLowerCase() === other.name.toLowerCase();

/** The call itself came from a network that is allowed. */
const withoutNetworks = (limits: Holder["limits"]) => ({ ...limits, allowedCidrs: [], allowedCountries: [] });

async function aboutOthers(ctx: OrgContext) {
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, "access of others");
  return forbidden(
    `You do not have permission to perform this operation: only administrators of ${ctx.org.name} may ask about the access of others.`,
  );
}
