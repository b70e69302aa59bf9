import { free } from "../state/free.ts";
import { LOOK, Turn } from "../state/turn.ts";

/** Works on bytes one after the other, so that no more than one result is not yet text. Their memory is given back. */
export async function oneByOne(all: Uint8Array[], work: (bytes: Uint8Array) => Promise<string>): Promise<string[]> {
  const results: string[] = [];
  const turn = new Turn();
  for (const bytes of all) {
    await turn.spend(bytes.length + LOOK);
    results.push(await work(bytes));
    free(bytes);
  }
  return results;
}
