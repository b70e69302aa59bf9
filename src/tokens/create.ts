import type * as z from "zod";
import { announce } from "../audit/announce.ts";
import { auditEvent, promise, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { type ActorContext, type OrgContext, type UserActor, loginOf } from "../context.ts";
import { UniqueViolation, batch } from "../db/client.ts";
import { badRequest, conflict } from "../errors.ts";
import type { CreateOrgAccessTokenRequest, CreatePersonalAccessTokenRequest } from "./schema.ts";
import { expiryFault } from "./schema.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { accessTokens } from "./table.ts";

/**
 * Makes a machine credential that belongs to the organization. The value is in the answer and nowhere else.
 * @throws 409 when the name was ever taken, by a deleted token too: it stays a stable name in the audit log
 */
export async function createOrgToken(ctx: OrgContext, request: z.infer<typeof CreateOrgAccessTokenRequest>, reason = "") {
  const fault = expiryFault(request.expires, ctx.now);
  if (fault) throw badRequest(fault);

  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER));
  const id = crypto.randomUUID();
  const kind = request.admin ? "admin organization token" : "organization token";
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-token-created",
    description: `Created ${kind} "${request.name}" (${id}).${reason && ` Reason: ${reason}`}`,
  });
  try {
    await batch(ctx.store, [
      guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
      ctx.store.db.insert(accessTokens).values({
        id,
        kind: "organization",
        orgId: ctx.org.id,
        name: request.name,
        description: request.description,
        hash,
        role: request.admin ? "admin" : "member",
        createdAt: ctx.now,
        createdBy: loginOf(ctx.actor),
        expiresAt: request.expires,
      }),
      promise(ctx.store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw conflict("token name already exists");
    throw error;
  }
  announce(ctx, event);
  return { id, tokenValue: value };
}

/** A personal token carries its person's rights in all organizations, now and later. */
export async function createPersonalToken(
  ctx: ActorContext & { actor: UserActor },
  request: z.infer<typeof CreatePersonalAccessTokenRequest>,
) {
  const fault = expiryFault(request.expires, ctx.now);
  if (fault) throw badRequest(fault);

  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER));
  const id = crypto.randomUUID();
  await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db.insert(accessTokens).values({
      id,
      kind: "personal",
      userId: ctx.actor.user.id,
      name: "",
      description: request.description,
      hash,
      createdAt: ctx.now,
      createdBy: ctx.actor.user.login,
      expiresAt: request.expires,
    }),
  ]);
  return { id, tokenValue: value };
}
