import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { AppError } from "../errors.ts";
import type { CreateTeamRequest } from "./schema.ts";
import { teamMembers, teams } from "./table.ts";

/**
 * Creates a team. A person who creates it becomes its first member and its administrator. @throws 409 if another team has the name; upper
 * and lower case are equal
 */
export async function createTeam(ctx: OrgContext, request: z.infer<typeof CreateTeamRequest>) {
  const { actor, now, org, store } = ctx;
  const id = crypto.randomUUID();
  const { name, description } = { ...request, description: request.description ?? "" };
  const displayName = request.displayName || name;
  const event = auditEvent(ctx, org.id, whoIs(actor), { event: "team-created", description: `Created team "${name}".` });
  const [first] =
    actor.kind === "user"
      ? [store.db.insert(teamMembers).values({ teamId: id, userId: actor.user.id, role: "admin", createdAt: now })]
      : [];
  try {
    await guarded(ctx, [
      store.db.insert(teams).values({ id, orgId: org.id, name, displayName, description, createdAt: now }),
      auditStatement(store, event),
      ...(first ? [first] : []),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(409, "Team with this name already exists");
    throw error;
  }
  relaySoon(ctx, event);
  const self = actor.kind === "user" ? [{ ...toPerson(actor.user), role: "admin" as const }] : [];
  return {
    kind: "pulumi" as const,
    name,
    displayName,
    description,
    userRole: first ? "admin" : "none",
    members: self,
    stacks: [],
    roleIds: [],
  };
}

export const toPerson = ({ login, name }: { login: string; name: string }) => ({ githubLogin: login, name, avatarUrl: "" });
