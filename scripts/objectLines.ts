import { sha256 } from "../src/audit/chain.ts";

/** An object of an audit stream. The text is inflated. */
export interface ObjectFile {
  path: string;
  text: () => Promise<string>;
}

/**
 * The lines of the objects that an audit stream wrote into a bucket, in the order of their records. Objects overlap when a stream has sent
 * records again: a line that is equal to an earlier one is left out, and a different one for the same record stays, so that the verifier finds it.
 */
export async function* objectLines(files: ObjectFile[]): AsyncGenerator<string> {
  const seen = new Map<number, string>();
  for (const { text } of [...files].sort((a, b) => firstOf(a) - firstOf(b) || (a.path < b.path ? -1 : 1)))
    for (const line of (await text()).split("\n")) {
      if (line === "") continue;
      const seq = seqOf(line);
      const hash = sha256(line);
      if (seq !== undefined && seen.get(seq) === hash) continue;
      if (seq !== undefined) seen.set(seq, hash);
      yield line;
    }
}

/** `…/FIRST-LAST-HASH.jsonl.gz` */
export const objectName = /(?:^|\/)(\d{12,})-\d{12,}-[0-9a-f]{12}\.jsonl\.gz$/;

const firstOf = ({ path }: ObjectFile) => Number(objectName.exec(path)?.[1] ?? 0);

function seqOf(line: string): number | undefined {
  try {
    const { seq } = JSON.parse(line) as { seq?: unknown };
    return typeof seq === "number" ? seq : undefined;
  } catch {
    return undefined;
  }
}
