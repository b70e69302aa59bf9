import { drains } from "../auth/drain.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { limitsOf } from "../limits.ts";
import { idToEncrypt } from "../stacks/nearby.ts";
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
  const stack = { id: (await idToEncrypt(ctx, path)) ?? (await findId(ctx, path)) };
  return oneByOne(bytes, (plain) => encrypt(ctx.env.ENCRYPTION_KEYS, stack.id, plain));
}

async function findId(ctx: OrgContext, path: StackPath): Promise<string> {
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id, drains(ctx.actor.token.id, path)),
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  return found[0].id;
}
