/**
 * The hash chain of an organization's audit log. Pure, and without imports of ours, so that the offline verifier runs the same code.
 *
 * A record is one flat JSON object. Its hash is SHA-256, in lower-case hex, over the UTF-8 bytes of its canonical form: RFC 8785 (members
 * sorted by name, no white space) of the record without `hash`. A record contains its sequence number (`seq`, from 1 without gaps) and the
 * hash of the previous record (`prevHash`; 64 zeros for the first). Empty text and false flags are left out, so that a later version can
 * add members without changing the hash of an older record.
 */
import { createHash } from "node:crypto";

export interface ChainRecord {
  seq: number;
  prevHash: string;
  hash: string;
  [member: string]: string | number | boolean;
}

/** The end of a chain. */
export interface Head {
  seq: number;
  hash: string;
}

export const genesis: Head = { seq: 0, hash: "0".repeat(64) };

type Flat = Record<string, string | number | boolean>;

/** RFC 8785 for flat objects of text, whole numbers and booleans: for these it equals JSON.stringify with sorted names. */
export const canonical = (object: Flat): string =>
  JSON.stringify(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))));

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export function hashOf(record: Flat): string {
  const { hash: _, ...hashed } = record;
  return sha256(canonical(hashed));
}

/** The event as the record that follows `head`. */
export function chainAfter(head: Head, event: object): ChainRecord {
  const unhashed = recordOf({ ...event, seq: head.seq + 1, prevHash: head.hash });
  return { ...unhashed, hash: hashOf(unhashed) };
}

/** A row of the log as a record: without empty, false and null members. */
export const recordOf = (row: object) =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== "" && value !== false && value !== null)) as ChainRecord;

/**
 * The faults of a record:
 * `altered` its hash does not match its content;
 * `missing` records between it and the previous one are absent;
 * `repeated` an earlier record has the same sequence number;
 * `unlinked` its sequence number follows, but `prevHash` is not the hash of the previous record: one of the two was inserted later.
 */
export type ChainFault = "altered" | "missing" | "repeated" | "unlinked";

/**
 * Further faults, which only a check of a stored chain can find: `truncated` its end is missing; `unreadable` its object in the archive
 * cannot be read; `checkpoint` a signed checkpoint has another hash for the record; `signature` its checkpoint is not signed by the
 * deployment; `unsigned` its checkpoint is missing, or its key is not listed.
 */
export type ChainFinding = ChainFault | "truncated" | "unreadable" | "checkpoint" | "signature" | "unsigned";

/**
 * Verifies a record by itself and against the previous one.
 * @param before undefined at the start of a range, where only the first record of the chain has a known predecessor
 */
export function chainFaultOf(record: ChainRecord, before: Head | undefined): ChainFault | undefined {
  if (!Number.isSafeInteger(record.seq) || record.seq < 1 || hashOf(record) !== record.hash) return "altered";
  const expected = before ?? (record.seq === 1 ? genesis : undefined);
  if (!expected) return undefined;
  if (record.seq > expected.seq + 1) return "missing";
  if (record.seq <= expected.seq) return "repeated";
  return record.prevHash === expected.hash ? undefined : "unlinked";
}
