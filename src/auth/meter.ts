import type { Actor, OrganizationRef, RequestContext } from "../context.ts";
import { tooManyRequests } from "../errors.ts";
import { byteLimitsOf } from "../limits.ts";
import { recordTooMany } from "./refusals.ts";

/**
 * Counts the bytes that authenticated callers send in a minute: those of a token, and those of an organization. Each isolate counts on its
 * own, because the platform's limiters count calls and not bytes (docs/decisions/0007).
 */
const MINUTE = 60_000;
const MOST_SENDERS = 10_000;

const sent = new Map<string, number>();
let minute = 0;

export interface Sender {
  actor: Actor;
  org?: OrganizationRef | undefined;
}

/** The organization whose limits a call counts against, if it is known. */
export const payerOf = ({ actor, org }: Sender): OrganizationRef | undefined => org ?? (actor.kind === "user" ? undefined : actor.org);

function limitsOf({ env }: RequestContext, sender: Sender): { whose: string; key: string; limit: number }[] {
  const { token, organization } = byteLimitsOf(env);
  const org = payerOf(sender);
  return [
    { whose: "token", key: sender.actor.token.id, limit: token },
    ...(org ? [{ whose: "organization", key: org.id, limit: organization }] : []),
  ];
}

/** @throws 429 when the sender has sent too many bytes in this minute */
export async function requireByteQuota(ctx: RequestContext, sender: Sender): Promise<void> {
  const current = Math.floor(ctx.now / MINUTE);
  if (current !== minute || sent.size >= MOST_SENDERS) sent.clear();
  minute = current;
  const over = limitsOf(ctx, sender).find(({ key, limit }) => (sent.get(key) ?? 0) >= limit);
  if (!over) return;
  const why = `this ${over.whose} sends too many bytes`;
  await recordTooMany(ctx, sender.actor, payerOf(sender), why);
  throw tooManyRequests(60 - (Math.floor(ctx.now / 1000) % 60), why);
}

export function addBytes(ctx: RequestContext, sender: Sender, bytes: number): void {
  for (const { key } of limitsOf(ctx, sender)) sent.set(key, (sent.get(key) ?? 0) + bytes);
}

/** Counts the bytes of a stream as they are read. */
export async function* metered(ctx: RequestContext, sender: Sender, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    addBytes(ctx, sender, chunk.length);
    yield chunk;
  }
}
