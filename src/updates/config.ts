import type { RequestContext } from "../context.ts";
import { putObject, readObject } from "../stacks/objects.ts";
import { release } from "../bytes/release.ts";
import { encode } from "../state/json/json.ts";

/** JSON of a configuration itself, and not the key of its object. */
export type ConfigText = string & { readonly isWhole: true };

/** A configuration of more bytes is stored as an object in R2: a row of D1 has at most 2 MB, and a list reads many rows. */
const IN_ROW = 64 * 1024;

/**
 * Stores the configuration of an update.
 * @returns the value of the column `config`: JSON of the configuration, or a JSON string with the key of its object
 */
export async function storeConfig(bucket: R2Bucket, updateId: string, config: object): Promise<string> {
  const text = JSON.stringify(config);
  const bytes = encode(text);
  if (bytes.length <= IN_ROW) return text;
  const key = `configs/${updateId}.json`;
  await putObject(bucket, key, bytes);
  release(bytes);
  return JSON.stringify(key);
}

/** Deletes the object of a configuration that no row names. */
export function deleteConfig(ctx: RequestContext, column: string): void {
  const key = keyIn(column);
  if (key !== undefined) ctx.background("orphan", (env) => env.STATE.delete(key));
}

/** The key of the configuration's object; undefined when the configuration is in the row. */
const keyIn = (column: string): string | undefined => (column.startsWith('"') ? (JSON.parse(column) as string) : undefined);

/** A row of the history with its configuration. @throws 503 when R2 fails */
export async function withConfig<T extends { config: string }>(bucket: R2Bucket, row: T): Promise<T & { config: ConfigText }> {
  const key = keyIn(row.config);
  const text = key === undefined ? row.config : await (await readObject(bucket, key)).text();
  return { ...row, config: text as ConfigText };
}
