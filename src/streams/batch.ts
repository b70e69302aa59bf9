import type { ChainRecord } from "../audit/chain.ts";
import { formats } from "../auditlogs/formats.ts";
import type { StreamFormat } from "./destination.ts";

/** Maximum number of records of a batch, and of bytes of its lines. A batch has at least one record, whatever its size. */
export const MOST_RECORDS = 1000;
const MOST_BYTES = 1_000_000;

/** The first records that fit into a batch, with their lines. Pure. @param through the last record of a batch that was begun before */
export function firstBatch(all: ChainRecord[], format: StreamFormat, host: string, through?: number) {
  const records: ChainRecord[] = [];
  const lines: string[] = [];
  let bytes = 0;
  for (const record of all) {
    const line = formats[format].line(record, host);
    bytes += encoder.encode(line).length;
    if (through === undefined ? bytes > MOST_BYTES && records.length > 0 : record.seq > through) break;
    records.push(record);
    lines.push(line);
  }
  return { records, lines };
}

const encoder = new TextEncoder();
