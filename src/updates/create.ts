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

/** Maximum number of bytes of an update's message and environment together. They are stored in its row, and lists read many rows. */
const MOST_METADATA = 256 * 1024;

/** Maximum number of keys of a configuration, and of an environment. */
const MOST_KEYS = 10_000;

/** One value of the configuration. Secrets in it are encrypted. */
const ConfigValue = z.object({ string: text(AS_BODY), secret: z.boolean(), object: z.boolean() });

/** The members of the body that the service needs (cli-protocol §4.3.1). Other members are ignored. */
export const UpdateProgram = z.object({
  options: z.nullish(z.object({ dryRun: z.nullish(z.boolean()) })),
  config: z.nullish(mapOf(ConfigValue, text(1000), MOST_KEYS)),
  metadata: z.nullish(z.object({ message: z.nullish(text(AS_BODY)), environment: z.nullish(mapOf(text(AS_BODY), text(1000), MOST_KEYS)) })),
});

/**
 * Creates an update, which is started later; it does not lock the stack. An update that is never started is swept.
 * The preview of an `up` has the kind `update` and `dryRun`, so the path does not show that it is a preview (cli-protocol §4.1).
 * @throws 403 for an update other than a preview, without the right to write
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

  const [created] = await guarded(ctx, [
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
    }).returning({ id: updates.id }),
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
