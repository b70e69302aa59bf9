import { toBase64 } from "../bytes/base64.ts";
import { release } from "../bytes/release.ts";
import { VISIT_COST, Yielder } from "../bytes/yielder.ts";

/**
 * Processes values one after the other. The memory of each value and of its result is released at once.
 * @returns the results in base64
 */
export async function oneByOne(all: Uint8Array[], work: (bytes: Uint8Array) => Promise<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  const yielder = new Yielder();
  for (const bytes of all) {
    await yielder.spend(bytes.length + VISIT_COST);
    const result = await work(bytes);
    texts.push(toBase64(result));
    release(bytes);
    release(result);
  }
  return texts;
}
