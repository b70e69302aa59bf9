/** Computes the members of a replayed deployment except its lists (cli-protocol §4.8.4 and §5.4). */
import { toHex } from "../../bytes/base64.ts";
import type { Base } from "./base.ts";
import { goJson } from "../goFormat.ts";
import type { Ref } from "./resourceRef.ts";
import { decodeText, encode, membersOf, parse, rewrite, sameBytes, skipSpace } from "../json/json.ts";

export type Members = ReadonlyMap<string, Uint8Array>;
type Read = (ref: Ref) => Promise<Uint8Array>;

/** Treats null as an absent member, as Go does. */
const present = (text: Uint8Array | undefined): Uint8Array | undefined => (text && text[0] !== 0x6e ? text : undefined);

/** `magic` protects `version` against tampering: the CLI refuses a state in which they do not match. */
export async function magicOf(version: string): Promise<string> {
  if (version === "") return "";
  return toHex(await crypto.subtle.digest("SHA-256", encode(version)));
}

/** The manifest of a new state. Its version is the CLI's, or the base's if the CLI's is unknown. */
export async function newManifest(time: string, cliVersion: string, base: Members): Promise<string> {
  const version = cliVersion || versionOf(base.get("manifest"));
  return JSON.stringify({ time, magic: await magicOf(version), version });
}

function versionOf(manifest: Uint8Array | undefined): string {
  const version = present(manifest) && (parse(manifest!) as { version?: unknown }).version;
  return typeof version === "string" ? version : "";
}

/** A secrets manager entry changes the state only when it names another provider. */
export async function secretsProvider(members: Members, base: Base, read: Read): Promise<Uint8Array | undefined> {
  let current = present(members.get("secrets_providers"));
  for (const ref of base.providers) {
    const other = await read(ref);
    if (!current || !sameProvider(current, other)) current = other;
  }
  return current;
}

function sameProvider(a: Uint8Array, b: Uint8Array): boolean {
  const [one, two] = [membersOf(a), membersOf(b)];
  return ["type", "state"].every((key) => sameBytes(one.get(key) ?? encode(""), two.get(key) ?? encode("")));
}

/** Removes a recorded integrity error, because a replayed state counts as valid. */
export function metadata(members: Members): Uint8Array {
  const text = present(members.get("metadata"));
  return text ? rewrite(text, new Map([["integrity_error", null]])) : encode("{}");
}

/** The snippets, with aliases replaced; undefined when there are none. */
export async function snippets(members: Members, base: Base, read: Read): Promise<Uint8Array | undefined> {
  const text = base.snippets === undefined ? present(members.get("snippets")) : base.snippets && (await read(base.snippets));
  if (!text || text[skipSpace(text, 1)] === 0x5d) return undefined; // []
  return base.snippetAliases.reduce(mapReferences, text);
}

function mapReferences(text: Uint8Array, aliases: ReadonlyMap<string, string>): Uint8Array {
  const list = parse(text);
  if (!Array.isArray(list)) return text;
  const mapped = (list as ({ references?: Record<string, string> | null } | null)[]).map((snippet) => {
    if (!snippet?.references) return snippet;
    const references = Object.entries(snippet.references).map(([name, urn]) => [name, aliases.get(urn) ?? urn]);
    return { ...snippet, references: Object.fromEntries(references) as Record<string, string> };
  });
  return encode(goJson(mapped));
}

/** The extensions of the base, which take precedence, and those of the journal; undefined when there are none. */
export async function extensions(members: Members, base: Base, read: Read): Promise<Uint8Array | undefined> {
  const own = present(members.get("extensions")) ?? encode("{}");
  const known = membersOf(own);
  const added = new Map<string, string>();
  for (const [name, ref] of base.extensions) if (!known.has(name)) added.set(name, decodeText(await read(ref)));
  return known.size + added.size > 0 ? rewrite(own, added) : undefined;
}
