import { eq } from "drizzle-orm";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import { requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { isRefused } from "../db/client.ts";
import { tooLarge } from "../errors.ts";
import { AS_BODY, mapOf, text } from "../http/bounded.ts";
import { encode } from "../state/json/json.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { deleteConfig, storeConfig } from "./config.ts";
import { insertUpdateRow, startedBy } from "../coordinator/insertUpdateRow.ts";
import { type UpdateKind, updates } from "./table.ts";

/** Of an update's message and environment together, which are in its row; lists read many rows. Bytes. */
const MOST_METADATA = 256 * 1024;

/** Of a configuration, and of what a client says about its environment. */
const MOST_KEYS = 10_000;

/** One value of the configuration; what is secret in it is ciphertext. */
const ConfigValue = z.object({ string: text(AS_BODY), secret: z.boolean(), object: z.boolean() });

/** cli-protocol §4.3.1. Only what is needed is named; the rest of the body may be anything. */
export const UpdateProgram = z.object({
  options: z.nullish(z.object({ dryRun: z.nullish(z.boolean()) })),
  config: z.nullish(mapOf(ConfigValue, text(1000), MOST_KEYS)),
  metadata: z.nullish(z.object({ message: z.nullish(text(AS_BODY)), environment: z.nullish(mapOf(text(AS_BODY), text(1000), MOST_KEYS)) })),
});

/**
 * Records that an update is about to run; it takes no lock. One that is never started is swept.
 * An `up`'s preview is created under `update` with `dryRun`, so the path alone does not tell (cli-protocol §4.1).
 * @throws 403 for an update that is no preview, without the right to write
 */
export async function createUpdate(ctx: OrgContext, path: StackPath, kind: UpdateKind, program: z.infer<typeof UpdateProgram>) {
  const id = crypto.randomUUID();
  const dryRun = kind === "preview" || program.options?.dryRun === true;
  if (!dryRun) await requireRight(ctx, "stack:write", path);
  const environment = JSON.stringify(program.metadata?.environment ?? {});
  const message = program.metadata?.message ?? "";
  if (encode(environment + message).length > MOST_METADATA)
    throw tooLarge("the update's environment together with its message", MOST_METADATA);
  const config = await storeConfig(ctx.env.STATE, id, program.config ?? {});

  const { db } = ctx.store;
  const [, created] = await guarded(ctx, [
    insertUpdateRow(ctx.store, stackAt(ctx.org.id, path), {
      ...startedBy(ctx.actor),
      id,
      kind,
      dryRun,
      status: "not started",
      message,
      environment,
      config,
      createdAt: ctx.now,
    }),
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
