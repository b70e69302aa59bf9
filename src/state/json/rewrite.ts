/** Rewrites a state part by part. Unchanged parts keep their bytes. */
import { DeploymentWriter } from "../checkpoint.ts";
import type { Pieces } from "../ranges.ts";
import { splitDeployment, type Part } from "./split.ts";

export type DeploymentPart = Exclude<Part, { at: "envelope" }>;

/**
 * Replaces each part of an untyped deployment's text by the result of `change`, and yields chunks of about 128 KB. The text must have been
 * validated when it was received.
 */
export async function* rewriteDeployment(
  chunks: AsyncIterable<Uint8Array>,
  change: (part: DeploymentPart) => Pieces | Promise<Pieces>,
): AsyncGenerator<Uint8Array, void> {
  const writer = new DeploymentWriter();
  const envelope: [key: string, text: Uint8Array][] = [];
  for await (const parts of splitDeployment(chunks, { trusted: true })) {
    for (const part of parts) {
      if (part.at !== "envelope") {
        const changed = change(part);
        writer.write(part, changed instanceof Promise ? await changed : changed);
      } else if (part.key !== "deployment") envelope.push([part.key, part.text.slice()]);
    }
    if (writer.out.hasFull) yield* writer.out.take();
  }
  writer.close();
  for (const [key, text] of envelope) {
    writer.out.write(`,${JSON.stringify(key)}:`);
    writer.out.write(text);
  }
  writer.out.write("}");
  yield* writer.out.rest();
}
