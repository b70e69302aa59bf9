import { drains } from "../auth/drain.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { limitsOf } from "../limits.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { bytesOf } from "./bytesOf.ts";
import { encrypt } from "./cipher.ts";
import { checkSizes } from "./limits.ts";
import { oneByOne } from "./oneByOne.ts";

/** Plaintexts and ciphertexts are bytes in standard base64 (cli-protocol §5.6). @throws 413 for a plaintext above the limit */
export async function encryptValues(ctx: OrgContext, path: StackPath, plaintexts: string[]): Promise<string[]> {
  const bytes = plaintexts.map(bytesOf);
  checkSizes(bytes, limitsOf(ctx.env));
  const { db } = ctx.store;
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id, drains(ctx.actor.token.id, path)),
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  return oneByOne(bytes, (plain) => encrypt(ctx.env.ENCRYPTION_KEYS, stack.id, plain));
}
