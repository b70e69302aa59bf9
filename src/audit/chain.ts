/**
 * The hash chain of an organization's audit log: pure, and with no import of ours, so that the offline verifier is this very code.
 *
 * A record is one flat JSON object. Its hash is SHA-256, in lower-case hex, over the UTF-8 bytes of its canonical form: RFC 8785
 * (members sorted by name, no white space) of the record without `hash`. It names its place (`seq`, from 1 without gaps) and the hash
 * of the record before it (`prevHash`; 64 zeros for the first). Empty text and false flags are left out, so that a later version may
 * know more members without changing the hash of an older record.
 */
import { createHash } from "node:crypto";

export interface ChainRecord {
  seq: number;
  prevHash: string;
  hash: string;
  [member: string]: string | number | boolean;
}

/** Where a chain ends. */
export interface Head {
  seq: number;
  hash: string;
}

export const genesis: Head = { seq: 0, hash: "0".repeat(64) };

type Flat = Record<string, string | number | boolean>;

/** RFC 8785 for flat objects of text, whole numbers and booleans: there it is what JSON.stringify writes, with sorted names. */
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

/** A row of the log as a record: without what is empty, false or null. */
export const recordOf = (row: object) =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== "" && value !== false && value !== null)) as ChainRecord;

/**
 * What can be wrong with a record:
 * `altered` its content does not have its hash;
 * `missing` records between it and the one before it are not here;
 * `repeated` its place was taken by a record before it;
 * `unlinked` it is in its place, but does not follow from the record before it: one of the two was put there later.
 */
export type ChainFault = "altered" | "missing" | "repeated" | "unlinked";

/**
 * Judges a record by itself and by the one before it.
 * @param before nothing at the start of a range, where only the first record of all has a known predecessor
 */
export function chainFaultOf(record: ChainRecord, before: Head | undefined): ChainFault | undefined {
  if (!Number.isSafeInteger(record.seq) || record.seq < 1 || hashOf(record) !== record.hash) return "altered";
  const expected = before ?? (record.seq === 1 ? genesis : undefined);
  if (!expected) return undefined;
  if (record.seq > expected.seq + 1) return "missing";
  if (record.seq <= expected.seq) return "repeated";
  return record.prevHash === expected.hash ? undefined : "unlinked";
}
