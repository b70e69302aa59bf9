import { type SQL, sql } from "drizzle-orm";
import type { Holder } from "../auth/explain.ts";
import { guarded } from "../auth/guard.ts";
import type { StackRef } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { isLogin } from "../orgs/members.ts";
import { isTeam } from "../teams/find.ts";
import * as holders from "./holders.ts";
import * as queries from "./queries.ts";
import type { Subject } from "./schema.ts";

/**
 * Reads a subject with everything that gives it rights on the stack, or in the organization.
 * @throws 404 for a subject or a stack that the caller does not know
 */
export async function readSubject(ctx: OrgContext, { kind, name }: Subject, at: StackRef | undefined) {
  const stackId = at && queries.idOf(ctx, at);
  const only = (one: Subject["kind"], isThat: SQL) => (one === kind ? isThat : sql`0`);
  const [found, [person], [token], [team]] = await guarded(ctx, [
    queries.stackQuery(ctx, at ?? { projectName: "", stackName: "" }),
    queries.peopleQuery(ctx, stackId, only("user", isLogin(name))),
    queries.tokensQuery(ctx, stackId, only("token", sql`access_tokens.id = ${name}`)),
    queries.teamsQuery(ctx, stackId, only("team", isTeam(ctx, name))),
  ]);
  const stack = at && found[0];
  if (at && !stack) throw notFound(`Stack '${ctx.org.name}/${at.projectName}/${at.stackName}'`);
  const givers = (roleId: string | null, teamIds: string[]) => readGivers(ctx, stackId, roleId ?? "", teamIds);
  let holder: Holder;
  let subject: string;
  if (person) {
    holder = holders.ofPerson(ctx, await givers(person.roleId, person.teamIds), person);
    subject = `user:${person.login}`;
  } else if (token) {
    holder = holders.ofToken(ctx, await givers(token.roleId, [token.teamId ?? ""]), token);
    subject = `token:${token.id}`;
  } else if (team) {
    holder = holders.ofTeam(ctx, await givers(null, [team.id]), team.id);
    subject = `team:${team.name}`;
  } else throw notFound(`${{ user: "User", token: "Token", team: "Team" }[kind]} '${name.slice(0, 100)}'`);
  return { subject, holder, stack, token };
}

/** The roles and teams that can give rights to one subject. */
async function readGivers(ctx: OrgContext, stackId: SQL | undefined, roleId: string, teamIds: string[]): Promise<holders.Givers> {
  const ofTeams = sql`SELECT role_id FROM team_roles WHERE ${queries.isOneOf(sql`team_id`, teamIds)}`;
  const [roles, teams] = await guarded(ctx, [
    queries.rolesQuery(ctx, sql`(roles.id = ${roleId} OR roles.id IN (${ofTeams}))`),
    queries.teamsQuery(ctx, stackId, queries.isOneOf(sql`teams.id`, teamIds)),
  ]);
  return holders.giversOf(roles, teams);
}
