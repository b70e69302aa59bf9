import { type ChainFault, type ChainRecord, type Head, canonical, chainFaultOf } from "./chain.ts";
import { type Checkpoint, type SigningKey, signatureOf } from "./sign.ts";

/** Checkpoints to compare the records with, and the deployment's public keys. */
export interface Signed {
  checkpoints: Checkpoint[];
  keys: SigningKey[];
}

export interface Finding {
  good: boolean;
  /** One sentence for people; for an invalid log it names the first faulty record. */
  message: string;
}

/**
 * Recomputes the chain of an exported log: records as JSON lines, in their order, from any record on. It needs no server; `npm run
 * audit:verify` runs it.
 */
export async function examine(lines: AsyncIterable<string> | Iterable<string>, signed?: Signed): Promise<Finding> {
  const checkpoints = (signed?.checkpoints ?? []).toSorted((a, b) => a.seq - b.seq);
  const unsigned = await faultOfCheckpoints(checkpoints, signed?.keys ?? []);
  if (unsigned) return bad(unsigned);
  let first: number | undefined;
  let before: Head | undefined;
  let lineNumber = 0;
  let found: { line: number; record: ChainRecord; fault: ChainFault; expected: number } | undefined;
  /** Sequence numbers that are missing so far: their records may appear later in the file. */
  let displaced = false;
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === "") continue;
    const record = parse(line);
    if (found) {
      displaced ||= record?.seq === found.expected;
      continue;
    }
    if (!record) return bad(`line ${lineNumber}: ALTERED: this is not a record of the audit log`);
    const fault = chainFaultOf(record, before);
    if (fault) {
      found = { line: lineNumber, record, fault, expected: (before?.seq ?? 0) + 1 };
      if (fault !== "missing") break;
      continue;
    }
    first ??= record.seq;
    before = { seq: record.seq, hash: record.hash };
    const changed = checkpoints.find(({ seq, hash }) => seq === record.seq && hash !== record.hash);
    if (changed) return bad(`line ${lineNumber}, record ${record.seq}: CHANGED SINCE IT WAS SIGNED on ${changed.day}`);
  }
  if (found) return bad(wording(found, before?.seq ?? 0, displaced));
  if (!before || first === undefined) return bad("there are no records");
  const [from, to] = [first, before.seq];
  const compared = checkpoints.filter(({ seq }) => seq >= from && seq <= to);
  const beyond = checkpoints.find(({ seq }) => seq > to) ?? (compared.length === 0 ? checkpoints.at(-1) : undefined);
  if (beyond)
    return bad(`DELETED: the checkpoint of ${beyond.day} covers record ${beyond.seq}, but the file has only records ${from} to ${to}`);
  const days = compared.map(({ day }) => day);
  const attested =
    days.length > 0 ? `, as signed on ${days.join(", ")}` : "; without a checkpoint, a rewrite of the whole chain cannot be detected";
  return { good: true, message: `good: records ${from} to ${to}, ending in ${before.hash}${attested}` };
}

/** Faults of the checkpoints by themselves: each must be signed, and the checkpoint before it must be in the list, except for the first. */
async function faultOfCheckpoints(checkpoints: Checkpoint[], keys: SigningKey[]): Promise<string | undefined> {
  for (const [i, checkpoint] of checkpoints.entries()) {
    const signature = await signatureOf(checkpoint, keys);
    if (signature === "unknown")
      return `the checkpoint of ${checkpoint.day} CANNOT BE VERIFIED: no public key ${checkpoint.keyId} was given`;
    if (signature === "bad") return `the checkpoint of ${checkpoint.day} is NOT SIGNED with public key ${checkpoint.keyId}`;
    const { previousDay, previousSeq } = checkpoint;
    if (i > 0 && previousDay !== undefined && !checkpoints.some(({ day }) => day === previousDay))
      return `the checkpoint of ${previousDay}, about record ${previousSeq}, is MISSING: the checkpoint of ${checkpoint.day} refers to it`;
  }
  return undefined;
}

function wording(
  { line, record, fault, expected }: { line: number; record: ChainRecord; fault: ChainFault; expected: number },
  before: number,
  displaced: boolean,
) {
  const where = `line ${line}, record ${record.seq} (${String(record["event"])}, ${String(record["id"])})`;
  switch (fault) {
    case "altered":
      return `${where}: ALTERED: its hash does not match its content`;
    case "missing": {
      if (displaced) return `${where}: REORDERED: record ${expected} belongs here but comes later`;
      const gap = expected === record.seq - 1 ? `record ${expected}` : `records ${expected} to ${record.seq - 1}`;
      return `${where}: DELETED: ${gap} should come before it`;
    }
    case "repeated":
      return `${where}: INSERTED: record ${before} already appeared`;
    case "unlinked":
      return `${where}: INSERTED: it does not link to the previous record; one of the two was inserted later`;
  }
}

const bad = (message: string): Finding => ({ good: false, message });

function parse(line: string): ChainRecord | undefined {
  try {
    const record = JSON.parse(line) as ChainRecord | null;
    if (typeof record?.seq !== "number" || typeof record.hash !== "string") return undefined;
    // Reject any other spelling: it can be ambiguous, because JSON readers differ on duplicate names.
    return canonical(record) === line.trim() ? record : undefined;
  } catch {
    return undefined;
  }
}
