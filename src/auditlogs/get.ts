import { type ChainFault, type ChainRecord, chainFaultOf } from "../audit/chain.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { readChain } from "./read.ts";

export interface ChainedRecord {
  record: ChainRecord;
  /** The fault of the record by itself, or against the previous record. */
  fault: ChainFault | undefined;
}

/**
 * One record by its sequence number, from table or archive, verified as the offline verifier does.
 * @throws 404 when the chain has no such record
 */
export async function getAuditRecord(ctx: OrgContext, sequence: number): Promise<ChainedRecord> {
  const absent = () => notFound(`Record ${sequence}`);
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw absent();
  const record = (await readChain(ctx, sequence, 1))[0];
  if (record?.seq !== sequence) throw absent();
  // The previous record may be in another archived object.
  const before = sequence > 1 ? (await readChain(ctx, sequence - 1, 1))[0] : undefined;
  const head = before?.seq === sequence - 1 ? { seq: before.seq, hash: before.hash } : undefined;
  return { record, fault: sequence > 1 && !head ? "missing" : chainFaultOf(record, head) };
}
