import { type ChainRecord, type Fault, type Head, canonical, faultOf } from "./chain.ts";
import { type Checkpoint, isSigned } from "./sign.ts";

/** A checkpoint to hold the records against, and the deployment's public key of that name. */
export interface Signed {
  checkpoint: Checkpoint;
  publicKey: string;
}

export interface Finding {
  good: boolean;
  /** One sentence for people; of a bad log it names the first bad record. */
  message: string;
}

/**
 * Recomputes the chain of an exported log: records as JSON lines, in their order, from whichever record on. Without any server; what
 * `npm run audit:verify` runs.
 */
export async function examine(lines: AsyncIterable<string> | Iterable<string>, signed?: Signed): Promise<Finding> {
  if (signed && !(await isSigned(signed.checkpoint, signed.publicKey))) return bad("the checkpoint is not signed with this key");
  const { seq: signedSeq, hash: signedHash, day } = signed?.checkpoint ?? {};
  let first: number | undefined;
  let before: Head | undefined;
  let lineNumber = 0;
  let found: { line: number; record: ChainRecord; fault: Fault; expected: number } | undefined;
  /** After a gap: what is missing may come later. */
  let displaced = false;
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === "") continue;
    const record = parse(line);
    if (found) {
      displaced ||= record?.seq === found.expected;
      continue;
    }
    if (!record) return bad(`line ${lineNumber}: ALTERED: it is not a record of the audit log`);
    const fault = faultOf(record, before);
    if (fault) {
      found = { line: lineNumber, record, fault, expected: (before?.seq ?? 0) + 1 };
      if (fault !== "missing") break;
      continue;
    }
    first ??= record.seq;
    before = { seq: record.seq, hash: record.hash };
    if (record.seq === signedSeq && record.hash !== signedHash)
      return bad(`line ${lineNumber}, record ${record.seq}: CHANGED SINCE IT WAS SIGNED on ${day}`);
  }
  if (found) return bad(wording(found, before?.seq ?? 0, displaced));
  if (!before || first === undefined) return bad("there are no records");
  if (signedSeq !== undefined && (signedSeq < first || signedSeq > before.seq))
    return bad(`DELETED: the checkpoint of ${day} is about record ${signedSeq}, and the records here are ${first} to ${before.seq}`);
  return { good: true, message: `good: records ${first} to ${before.seq}, ending in ${before.hash}${day ? `, as signed on ${day}` : ""}` };
}

function wording(
  { line, record, fault, expected }: { line: number; record: ChainRecord; fault: Fault; expected: number },
  before: number,
  displaced: boolean,
) {
  const where = `line ${line}, record ${record.seq} (${String(record["event"])}, ${String(record["id"])})`;
  switch (fault) {
    case "altered":
      return `${where}: ALTERED: its content does not have its hash`;
    case "missing": {
      if (displaced) return `${where}: REORDERED: record ${expected} belongs here and comes later`;
      const gap = expected === record.seq - 1 ? `record ${expected}` : `records ${expected} to ${record.seq - 1}`;
      return `${where}: DELETED: ${gap} should come before it`;
    }
    case "repeated":
      return `${where}: INSERTED: record ${before} was already here, so its place is taken`;
    case "unlinked":
      return `${where}: INSERTED: it does not follow from the record before it; one of the two was put there later`;
  }
}

const bad = (message: string): Finding => ({ good: false, message });

function parse(line: string): ChainRecord | undefined {
  try {
    const record = JSON.parse(line) as ChainRecord | null;
    if (typeof record?.seq !== "number" || typeof record.hash !== "string") return undefined;
    // Written otherwise it may say two things: of a name that stands twice, other readers take the other value.
    return canonical(record) === line.trim() ? record : undefined;
  } catch {
    return undefined;
  }
}
