import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { conflict } from "../errors.ts";
import { openSession } from "../sessions/open.ts";
import { findPerson, thatIdentity } from "../sso/account.ts";
import type { Person } from "../sso/claims.ts";
import { loginFrom } from "../sso/decide.ts";
import type { Provider } from "../sso/provider.ts";
import { identities } from "../sso/table.ts";
import { type FirstAdmin, explained, firstOrganization } from "./create.ts";

/**
 * Makes the first organization with the person who has just signed in as its administrator. The operator began the sign-in, so the domain of the
 * person's address does not matter. @returns the value of the session's cookie
 * @throws 404 once there is an organization, 409 for a name that somebody has
 */
export async function createBySignIn(ctx: RequestContext, provider: Provider, person: Person, orgName: string): Promise<string> {
  const { db } = ctx.store;
  const { known } = await findPerson(ctx, provider, person);
  const admin: FirstAdmin = known
    ? { user: { ...known.account.user, email: "" }, isNew: false }
    : { user: await newPerson(ctx, person, orgName), isNew: true };
  const identityId = known?.identityId ?? crypto.randomUUID();
  const sessionId = crypto.randomUUID();
  const how = `who signed in through "${provider.name}" as ${person.subject}${person.email && ` (${person.email})`}: session ${sessionId}`;
  const { statements, event } = firstOrganization(ctx, orgName, admin, how);
  const { user } = admin;
  const identity = known
    ? [
        db
          .update(identities)
          .set({ lastSignInAt: ctx.now, email: person.email })
          .where(and(thatIdentity(provider, person), eq(identities.userId, user.id))),
      ]
    : [
        db.insert(identities).values({
          id: identityId,
          connectionId: provider.id,
          orgId: null,
          issuer: provider.issuer,
          subject: person.subject,
          userId: user.id,
          email: person.email,
          createdAt: ctx.now,
          lastSignInAt: ctx.now,
        }),
      ];
  const opening = { id: sessionId, openedWith: null, onlyOrgId: null, identityId, providerSession: person.session || null };
  const cookie = await explained(ctx, orgName, () => openSession(ctx, user, opening, [...statements, ...identity]));
  relaySoon(ctx, event);
  return cookie;
}

/** A new account, whose login nobody has. */
async function newPerson(ctx: RequestContext, person: Person, orgName: string) {
  const base = loginFrom(person.userName);
  const logins = [base, `${base}-${crypto.randomUUID().slice(0, 4)}`].filter((login) => login.toLowerCase() !== orgName.toLowerCase());
  const [taken] = await batch(ctx.store, [
    ctx.store.db
      .select({ login: sql<string>`value`.as("login") })
      .from(sql`json_each(${JSON.stringify(logins)})`)
      .where(sql`EXISTS (SELECT 1 FROM users WHERE lower(users.login) = lower(value))`),
  ]);
  const login = logins.find((one) => !taken.some((row) => row.login === one));
  if (login === undefined) throw conflict("the login of the person is taken: begin the setup again");
  return { id: crypto.randomUUID(), login, name: person.name || login, email: person.isVerified ? person.email : "" };
}
