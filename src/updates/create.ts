import { eq, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guard } from "../auth/guard.ts";
import { type OrgContext, loginOf } from "../context.ts";
import { batch, isRefused } from "../db/client.ts";
import { tooLarge } from "../errors.ts";
import { mapOf } from "../http/map.ts";
import { encode } from "../state/json.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { deleteConfig, storeConfig } from "./config.ts";
import { type UpdateKind, updates } from "./table.ts";

/** Of an update's message and environment together, which are in its row; lists read many rows. Bytes. */
const MOST_METADATA = 256 * 1024;

/** One value of the configuration; what is secret in it is ciphertext. */
const ConfigValue = z.object({ string: z.string(), secret: z.boolean(), object: z.boolean() });

/** cli-protocol §4.3.1. Only what is needed is named; the rest of the body may be anything. */
export const UpdateProgram = z.object({
  options: z.nullish(z.object({ dryRun: z.nullish(z.boolean()) })),
  config: z.nullish(mapOf(ConfigValue)),
  metadata: z.nullish(z.object({ message: z.nullish(z.string()), environment: z.nullish(mapOf(z.string())) })),
});

/**
 * Notes that an update is about to run; it takes no lock. What is never started is swept.
 * An `up`'s preview is created under `update` with `dryRun`, so the path alone does not tell (cli-protocol §4.1).
 */
export async function createUpdate(ctx: OrgContext, path: StackPath, kind: UpdateKind, program: z.infer<typeof UpdateProgram>) {
  const id = crypto.randomUUID();
  const dryRun = kind === "preview" || program.options?.dryRun === true;
  const environment = JSON.stringify(program.metadata?.environment ?? {});
  const message = program.metadata?.message ?? "";
  if (encode(environment + message).length > MOST_METADATA)
    throw tooLarge("the update's environment together with its message", MOST_METADATA);
  const config = await storeConfig(ctx.env.STATE, id, program.config ?? {});

  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const [, , created] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db.insert(updates).select(sql`SELECT ${id}, id, ${kind}, ${dryRun ? 1 : 0}, 'not started', NULL, ${message}, ${environment}, ${config},
      ${loginOf(ctx.actor)}, ${ctx.actor.token.id}, ${ctx.actor.token.name}, ${ctx.now}, NULL, NULL, NULL, NULL, NULL
      FROM ${stacks} WHERE ${here}`),
    db.select({ id: updates.id }).from(updates).where(eq(updates.id, id)),
  ]).catch((error: unknown) => {
    if (isRefused(error)) deleteConfig(ctx, config);
    throw error;
  });
  if (!created[0]) {
    deleteConfig(ctx, config);
    throw stackNotFound(path);
  }
  return { updateID: id };
}
