/**
 * Journals of updates that ended with the state from before them (docs/operate.md, "A journal that was kept"):
 *
 * `npm run journal -- list`: lists them.
 * `npm run journal -- download UPDATE_ID --to DIR`: writes the parts of one as the client sent them.
 * `npm run journal -- replay UPDATE_ID [--without N]… [--to FILE]`: computes the state after the update, for `pulumi stack import`.
 *
 * Each has `--local [--persist-to DIR]` for a local server that is stopped. The exit code is 1 when there is no such journal, or no state.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type KeptManifest, keptUnder, manifestKey } from "../src/coordinator/keptManifest.ts";
import { type Storage, withStorage } from "./bindings.ts";
import { readCommand } from "./options.ts";
import { type Kept, replayKept } from "./replayKept.ts";
import { root } from "./wrangler.ts";

const USAGE = `usage: npm run journal -- list
       npm run journal -- download UPDATE_ID --to DIR
       npm run journal -- replay UPDATE_ID [--without N]… [--to FILE]
       each with [--local [--persist-to DIR]]`;

const { values, positionals } = readCommand({
  to: { type: "string" },
  without: { type: "string", multiple: true, default: [] },
  local: { type: "boolean", default: false },
  "persist-to": { type: "string" },
});
const [command = "", updateId = ""] = positionals;
const without = values.without.map(Number);
const isUsed =
  (command === "list" && positionals.length === 1) ||
  (command === "download" && positionals.length === 2 && values.to) ||
  (command === "replay" && positionals.length === 2);
if (!isUsed || !without.every(Number.isSafeInteger) || updateId.includes("/")) {
  console.error(USAGE);
  process.exit(2);
}

const local = values.local ? resolve(values["persist-to"] ?? join(root, ".wrangler/state")) : undefined;
process.exit(await withStorage(local, (storage) => run(storage)));

function run(storage: Storage): Promise<number> {
  switch (command) {
    case "list":
      return list(storage);
    case "download":
      return download(storage, resolve(values.to!));
    default:
      return replay(storage, values.to && resolve(values.to));
  }
}

async function list({ STATE }: Storage): Promise<number> {
  let count = 0;
  for (let cursor: string | undefined; ;) {
    const page = await STATE.list({ prefix: "journals/", delimiter: "/", ...(cursor && { cursor }) });
    for (const folder of page.delimitedPrefixes) {
      const id = folder.slice("journals/".length, -1);
      const manifest = await manifestOf({ STATE }, id);
      const about = manifest
        ? `${new Date(manifest.endedAt).toISOString()}  ${manifest.why.padEnd(10)}  ${manifest.stack} version ${manifest.version}, ${manifest.form} in ${manifest.files.length} parts`
        : "kept by an older release, or not complete yet: it can only be downloaded";
      console.log(`${id}  ${about}`);
      count++;
    }
    if (!page.truncated) break;
    cursor = page.cursor;
  }
  console.error(count === 0 ? "No journal was kept." : `${count} journals were kept.`);
  return 0;
}

async function manifestOf({ STATE }: Pick<Storage, "STATE">, id: string): Promise<KeptManifest | undefined> {
  return (await STATE.get(manifestKey(id)))?.json<KeptManifest>();
}

/** The parts of a kept journal, by name. */
async function partsOf({ STATE }: Storage, id: string): Promise<Map<string, Uint8Array>> {
  const prefix = keptUnder(id);
  const parts = new Map<string, Uint8Array>();
  for (let cursor: string | undefined; ;) {
    const page = await STATE.list({ prefix, ...(cursor && { cursor }) });
    for (const { key } of page.objects) {
      const object = await STATE.get(key);
      if (object) parts.set(key.slice(prefix.length), new Uint8Array(await object.arrayBuffer()));
    }
    if (!page.truncated) return parts;
    cursor = page.cursor;
  }
}

async function download(storage: Storage, to: string): Promise<number> {
  const parts = await partsOf(storage, updateId);
  if (parts.size === 0) return nothing();
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of parts) writeFileSync(join(to, encodeURIComponent(name)), bytes, { mode: 0o600 });
  console.log(`${parts.size} files are in ${to}`);
  return 0;
}

function nothing(): number {
  console.error(`There is no kept journal of update ${updateId}. "npm run journal -- list" lists all kept journals.`);
  return 1;
}

async function replay(storage: Storage, to: string | undefined): Promise<number> {
  const manifest = await manifestOf(storage, updateId);
  if (!manifest) return nothing();
  const base = manifest.baseKey === null ? null : await storage.STATE.get(manifest.baseKey);
  if (manifest.baseKey !== null && !base) {
    console.error(`The state before the update is missing: ${manifest.baseKey}`);
    return 1;
  }
  const kept: Kept = { manifest, files: await partsOf(storage, updateId), base: base && new Uint8Array(await base.arrayBuffer()) };
  const outcome = await replayKept(kept, without);
  if ("broken" in outcome) {
    console.error(`No state can be computed from the journal: ${outcome.broken}`);
    return 1;
  }
  if ("fault" in outcome) {
    const { sequenceID, about, message } = outcome.fault;
    const more = [...without, sequenceID].map((n) => `--without ${n}`).join(" ");
    console.error(`Entry ${sequenceID} (${about}) is faulty: ${message}`);
    console.error(`To leave it out: npm run journal -- replay ${updateId} ${more}`);
    return 1;
  }
  if (to) writeFileSync(to, outcome.state, { mode: 0o600 });
  else process.stdout.write(outcome.state);
  const left = without.length === 0 ? "" : `, without the entries ${without.join(", ")}`;
  console.error(`This is the state that version ${manifest.version} of ${manifest.stack} would have had${left}.`);
  console.error(
    `First compare it with the newest state. Then: pulumi stack import --stack ${manifest.stack} --file ${values.to ?? "FILE"}`,
  );
  return 0;
}
