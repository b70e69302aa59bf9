import { sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { settingsOf } from "../../auth/policy.ts";
import { newTokenValue, peppersOf } from "../../auth/secret.ts";
import { type OrgContext, loginOf } from "../../context.ts";
import { UniqueViolation, failUnless } from "../../db/client.ts";
import { badRequest, conflict } from "../../errors.ts";
import { nameTaken } from "../../tokens/nameTaken.ts";
import { expiryFault } from "../../tokens/schema.ts";
import { accessTokens } from "../../tokens/table.ts";
import { isScimToken } from "./list.ts";
import type { CreateScimTokenRequest } from "./schema.ts";

/** Maximum number of SCIM tokens of an organization: two, for the time of a rotation. */
const MOST_TOKENS = 2;

/** Creates a SCIM token. Only the answer contains its value. @throws 409 for a name that a token has or had, or if there are two already */
export async function createScimToken(ctx: OrgContext, request: z.infer<typeof CreateScimTokenRequest>) {
  const { store, now } = ctx;
  const fault = expiryFault(request.expires, now, settingsOf(ctx).maxTokenExpiryDays, ctx.org.name);
  if (fault) throw badRequest(fault);
  const count = sql<number>`(SELECT count(*) FROM ${accessTokens} WHERE ${isScimToken(ctx)})`;
  const [before] = await guarded(ctx, [store.db.select({ count: count.as("scim_tokens") }).from(sql`(SELECT 1)`)]);
  if (before[0]!.count >= MOST_TOKENS) throw tooMany();

  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const id = crypto.randomUUID();
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "scim-token-created",
    description: `Created SCIM token "${request.name}" (${id}).`,
  });
  try {
    await guarded(ctx, [
      store.db.select({ holds: failUnless(sql`${count} < ${MOST_TOKENS}`) }).from(sql`(SELECT 1)`),
      store.db.insert(accessTokens).values({
        id,
        kind: "scim",
        orgId: ctx.org.id,
        name: request.name,
        description: "",
        hash,
        role: "read-only",
        createdAt: now,
        createdBy: loginOf(ctx.actor),
        madeWith: ctx.actor.token.id,
        expiresAt: request.expires,
      }),
      auditStatement(store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw await nameTaken(ctx, request.name);
    throw error;
  }
  relaySoon(ctx, event);
  return { id, tokenValue: value };
}

const tooMany = () =>
  conflict(`an organization has at most ${MOST_TOKENS} SCIM tokens: delete the one that the identity provider does not use`);
