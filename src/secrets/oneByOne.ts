import { toBase64 } from "../bytes/base64.ts";
import { free } from "../bytes/release.ts";
import { LOOK, Turn } from "../bytes/yielder.ts";

/**
 * Processes values one after the other. The memory of each value and of its result is released at once.
 * @returns the results in base64
 */
export async function oneByOne(all: Uint8Array[], work: (bytes: Uint8Array) => Promise<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  const turn = new Turn();
  for (const bytes of all) {
    await turn.spend(bytes.length + LOOK);
    const result = await work(bytes);
    texts.push(toBase64(result));
    free(bytes);
    free(result);
  }
  return texts;
}
