import { once, writeObject } from "../stacks/objects.ts";
import { encode } from "../state/json/json.ts";
import { type KeptManifest, keptUnder, manifestKey } from "./keptManifest.ts";
import type { ReceivedKind } from "./storage/bodyStore.ts";
import type { Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";

/** The form in which a run has written its state; undefined when it has written none. */
export function formOf({ received }: Pick<StackContext, "received">, run: Run): KeptManifest["form"] | undefined {
  if (run.checkpoint !== null) return "checkpoint";
  return received.batches(run.updateId, "journal").length > 0 ? "journal" : undefined;
}

/** Copies a run's journal or checkpoint to R2, byte for byte and without parsing it. The call may be repeated. @throws 503 when R2 fails */
export async function keepJournal(ctx: StackContext, run: Run): Promise<void> {
  const form = formOf(ctx, run);
  if (!form || !run.journalKept) return;
  const manifest: KeptManifest = {
    updateId: run.updateId,
    stack: `${run.path.orgName}/${run.path.projectName}/${run.path.stackName}`,
    version: run.version,
    why: run.journalKept,
    endedAt: run.endedAt,
    baseKey: run.baseKey,
    baseIsAliasFree: run.baseAliasFree,
    cliVersion: run.cliVersion,
    form,
    files: await copyParts(ctx, run, form),
  };
  await writeObject(ctx.env.STATE, manifestKey(run.updateId), once(encode(JSON.stringify(manifest))));
}

async function copyParts({ env, received }: StackContext, run: Run, form: KeptManifest["form"]): Promise<string[]> {
  const { updateId } = run;
  const copy = async (name: string, chunks: AsyncIterable<Uint8Array>) => {
    await writeObject(env.STATE, keptUnder(updateId) + name, chunks);
    return name;
  };
  const copyBody = (kind: ReceivedKind, batch: number, name: string) =>
    copy(`${name}.json${received.encodingOf(updateId, kind, batch) === "gzip" ? ".gz" : ""}`, received.raw(updateId, kind, batch));

  if (form === "checkpoint") return [await copyBody("checkpoint", run.checkpoint!, "checkpoint")];
  const files: string[] = [];
  for (const batch of received.batches(updateId, "journal")) files.push(await copyBody("journal", batch, String(batch)));
  return files;
}
