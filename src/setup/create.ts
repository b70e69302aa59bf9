import { sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type AuditEvent, auditEvent, auditStatement } from "../audit/record.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import type { RequestContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, batch, failUnless } from "../db/client.ts";
import { conflict } from "../errors.ts";
import { members, organizations } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { isOpen, isOpenElsewhere, isOver, requireOpen } from "./open.ts";

export interface NewPerson {
  id: string;
  login: string;
  name: string;
  email: string;
}

/** The first administrator: a person who exists already, or a new one. */
export interface FirstAdmin {
  user: NewPerson;
  isNew: boolean;
}

/**
 * Makes the first organization and its administrator with a personal token. @returns the value of the token
 * @throws 404 once there is an organization, 409 for a name that somebody has
 */
export async function createWithToken(ctx: RequestContext, orgName: string, login: string): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const id = crypto.randomUUID();
  const user = { id: crypto.randomUUID(), login, name: login, email: "" };
  const { statements, event } = firstOrganization(
    ctx,
    orgName,
    { user, isNew: true },
    `with the personal token ${id}, which was shown once`,
  );
  const token = ctx.store.db.insert(accessTokens).values({
    id,
    kind: "personal",
    userId: user.id,
    name: "",
    description: "first token",
    hash,
    createdAt: ctx.now,
    createdBy: login,
  });
  await explained(ctx, orgName, () => batch(ctx.store, [...statements, token]));
  relaySoon(ctx, event);
  return value;
}

/**
 * The statements that make the first organization. The batch fails if there is one, so two setups at once make one organization. @param how the end of
 * the sentence in the log
 */
export function firstOrganization(
  ctx: RequestContext,
  orgName: string,
  { user, isNew }: FirstAdmin,
  how: string,
): { statements: [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]]; event: AuditEvent } {
  const { db } = ctx.store;
  const id = crypto.randomUUID();
  // The name has spaces, so that no token can have it.
  const who = { userLogin: user.login, userName: user.name, tokenId: "", tokenName: "setup by the operator" };
  const event = auditEvent(ctx, id, who, {
    event: "organization-created",
    description: `Created the organization ${orgName} on the setup page with the operator's token. Its administrator is ${user.login}, ${how}.`,
  });
  return {
    statements: [
      db.select({ holds: failUnless(isOpen) }).from(sql`(SELECT 1)`),
      // The log uses one name for people and organizations.
      db.select({ holds: failUnless(sql`NOT EXISTS (SELECT 1 FROM users WHERE lower(login) = lower(${orgName}))`) }).from(sql`(SELECT 1)`),
      db.insert(organizations).values({ id, name: orgName, displayName: orgName, createdAt: ctx.now }),
      ...(isNew ? [db.insert(users).values({ ...user, createdAt: ctx.now })] : []),
      db.insert(members).values({ orgId: id, userId: user.id, role: "admin", createdAt: ctx.now, acceptedAt: ctx.now }),
      auditStatement(ctx.store, event),
    ],
    event,
  };
}

/** Runs the batch of a setup. @throws 404 once there is an organization, 409 for a name that somebody has */
export async function explained<T>(ctx: RequestContext, orgName: string, work: () => Promise<T>): Promise<T> {
  // The batch looks at the directory only.
  if (!(await isOpenElsewhere(ctx.env))) throw isOver();
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PreconditionFailed || error instanceof UniqueViolation)) throw error;
    await requireOpen(ctx);
    throw error instanceof UniqueViolation
      ? conflict("a person with that login exists already")
      : conflict(`a person has the name ${orgName}: choose another name for the organization`);
  }
}
