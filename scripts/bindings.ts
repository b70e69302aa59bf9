import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { getPlatformProxy, unstable_readConfig as readConfig } from "wrangler";
import { configurationFile } from "./configuration.ts";
import { mustWrangle, root } from "./wrangler.ts";

export interface Storage {
  DB: D1Database;
  STATE: R2Bucket;
  /** The databases of organizations outside of the directory, by their bindings. */
  [other: string]: unknown;
}

/**
 * Calls a function with the database and the bucket of the deployment, or of a local server.
 * @param local folder of a local server, as in `npm run dev -- --persist-to`; undefined: the deployment
 */
export async function withStorage<T>(local: string | undefined, work: (storage: Storage) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-"));
  const configPath = join(folder, "wrangler.json");
  writeFileSync(configPath, JSON.stringify(onlyStorage(local === undefined)));
  const persist = local === undefined ? false : { path: join(local, "v3") };
  const proxy = await getPlatformProxy<Storage>({ configPath, persist, remoteBindings: local === undefined });
  try {
    return await work(proxy.env);
  } finally {
    await proxy.dispose();
    rmSync(folder, { recursive: true });
  }
}

interface Resources {
  name: string;
  compatibility_date: string;
  d1_databases: { binding: string; database_name?: string }[];
  r2_buckets: { binding: string; bucket_name?: string }[];
}

/** The Worker's configuration without the Worker. It contains no id of the database, which a remote binding needs. */
function onlyStorage(remote: boolean) {
  const { name, compatibility_date, d1_databases, r2_buckets } = readConfig({ config: join(root, configurationFile()) }) as Resources;
  const idOf = (database = "") => (JSON.parse(mustWrangle(["d1", "info", database, "--json"])) as { uuid: string }).uuid;
  return {
    name,
    compatibility_date,
    d1_databases: d1_databases.map(({ binding, database_name }) => ({
      binding,
      database_name,
      ...(remote && { database_id: idOf(database_name), remote }),
    })),
    r2_buckets: r2_buckets.map(({ binding, bucket_name }) => ({ binding, bucket_name, ...(remote && { remote }) })),
  };
}
