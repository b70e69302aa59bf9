import { type ChainFault, type ChainRecord, type Head, canonical, chainFaultOf } from "./chain.ts";
import { type Checkpoint, type SigningKey, signatureOf } from "./sign.ts";

/** Checkpoints to compare the records with, and the deployment's public keys. */
export interface Signed {
  checkpoints: Checkpoint[];
  keys: SigningKey[];
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
  const checkpoints = (signed?.checkpoints ?? []).toSorted((a, b) => a.seq - b.seq);
  const unsigned = await faultOfCheckpoints(checkpoints, signed?.keys ?? []);
  if (unsigned) return bad(unsigned);
  let first: number | undefined;
  let before: Head | undefined;
  let lineNumber = 0;
  let found: { line: number; record: ChainRecord; fault: ChainFault; expected: number } | undefined;
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
    return bad(`DELETED: the checkpoint of ${beyond.day} is about record ${beyond.seq}, and the records here are ${from} to ${to}`);
  const days = compared.map(({ day }) => day);
  const attested =
    days.length > 0 ? `, as signed on ${days.join(", ")}` : "; without a checkpoint nothing shows that the whole chain was not made anew";
  return { good: true, message: `good: records ${from} to ${to}, ending in ${before.hash}${attested}` };
}

/** What is wrong with the checkpoints by themselves: each must be signed, and each but the first must have the one before it beside it. */
async function faultOfCheckpoints(checkpoints: Checkpoint[], keys: SigningKey[]): Promise<string | undefined> {
  for (const [i, checkpoint] of checkpoints.entries()) {
    const signature = await signatureOf(checkpoint, keys);
    if (signature === "unknown")
      return `the checkpoint of ${checkpoint.day} CANNOT BE VERIFIED: no public key ${checkpoint.keyId} was given`;
    if (signature === "bad") return `the checkpoint of ${checkpoint.day} is NOT SIGNED with public key ${checkpoint.keyId}`;
    const { previousDay, previousSeq } = checkpoint;
    if (i > 0 && previousDay !== undefined && !checkpoints.some(({ day }) => day === previousDay))
      return `the checkpoint of ${previousDay}, about record ${previousSeq}, is MISSING: the one of ${checkpoint.day} follows it`;
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
