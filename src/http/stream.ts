const encoder = new TextEncoder();

/**
 * An answer in JSON that is written while it is read, so that none of it is held. An error on the way cuts it off: nobody
 * takes the part for the whole.
 */
export function streamed(chunks: AsyncGenerator<string | Uint8Array>): Response {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}

/** The items of a JSON list, with the commas between them. */
export async function* listed(items: AsyncIterable<string>): AsyncGenerator<string> {
  let before = "";
  for await (const item of items) {
    yield before + item;
    before = ",";
  }
}
