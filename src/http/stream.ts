import { Output } from "../bytes/output.ts";

/**
 * An answer in JSON that is written while it is read, so that only one chunk is in memory. An error closes the connection early, so that a
 * client does not accept a partial answer.
 */
export function streamOf(pieces: AsyncGenerator<string | Uint8Array>): Response {
  const output = new Output();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (!output.hasFull) {
        const { done, value } = await pieces.next();
        if (done) {
          for (const chunk of output.rest()) controller.enqueue(chunk.slice());
          controller.close();
          return;
        }
        output.write(value);
      }
      for (const chunk of output.take()) controller.enqueue(chunk.slice());
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}

/** The elements of a JSON list, with the commas between them. */
export async function* listed(items: AsyncIterable<string>): AsyncGenerator<string> {
  let before = "";
  for await (const item of items) {
    yield before + item;
    before = ",";
  }
}
