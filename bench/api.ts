/** Calls of the wire protocol that more than one benchmark makes. */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { BenchServer } from "./servers.ts";

/** Returns the JSON of a successful answer. @param body an object for JSON, or gzipped bytes. @throws for any other answer */
export async function ask(
  server: BenchServer,
  method: string,
  path: string,
  body?: object,
  authorization = `token ${server.token}`,
): Promise<Record<string, string>> {
  const gzip = body instanceof Uint8Array;
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: authorization, "Content-Type": "application/json", ...(gzip && { "Content-Encoding": "gzip" }) },
    ...(body && { body: gzip ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : {}) as Record<string, string>;
}

export interface Running {
  /** Path of the update. */
  path: string;
  /** Authorization header with the update's lease. */
  lease: string;
}

/** Creates a stack in project `bench`. @returns its path */
export async function newStack(server: BenchServer, name: string): Promise<string> {
  await ask(server, "POST", "/api/stacks/acme/bench", { stackName: name });
  return `/api/stacks/acme/bench/${name}`;
}

export async function startUpdate(server: BenchServer, stack: string): Promise<Running> {
  const { updateID } = await ask(server, "POST", `${stack}/update`, { options: {}, config: {}, metadata: {} });
  const path = `${stack}/update/${updateID}`;
  const { token } = await ask(server, "POST", path, { journalVersion: 1 });
  return { path, lease: `update-token ${token}` };
}

/** A batch that the CLI sends when it creates 5 resources of 16 KB: 80 KB, gzipped. @param number index of the batch, from 0 */
export function journalBatch(number: number): Uint8Array<ArrayBuffer> {
  const entries = Array.from({ length: 5 }, (_, k) => ({
    version: 1,
    kind: 1,
    sequenceID: number * 5 + k + 1,
    operationID: number * 5 + k + 1,
    removeOld: null,
    removeNew: null,
    state: {
      urn: `urn:pulumi:s::bench::t:t:t::r${number}-${k}`,
      custom: false,
      type: "t:t:t",
      inputs: { text: randomBytes(12 * 1024).toString("base64") },
    },
  }));
  return new Uint8Array(gzipSync(JSON.stringify({ entries }), { level: 1 }));
}
