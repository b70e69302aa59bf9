/** Reads the resources of a state in short form, for lists on pages. Pure. */
import { QUOTE, decodeString, decodeText, membersOf } from "./json/json.ts";
import { storedResources } from "./resources.ts";

/** A resource in a list. */
export interface Leaf {
  urn: string;
  type: string;
  name: string;
  /** "" when there is none. */
  parent: string;
  id: string;
  custom: boolean;
  /** The resource will be deleted, because another resource has replaced it. */
  leaving: boolean;
}

export interface Branch extends Leaf {
  dependencies: string[];
}

/** Maximum number of bytes of one member; a longer one counts as absent. No normal name is so long. */
export const MEMBER = 4096;
/** Maximum number of bytes of a list of dependencies; a longer one counts as absent. */
export const DEPENDENCIES = 64 * 1024;

/** Maximum number of resources of a list that are in memory, and of their characters together. */
export const MOST_RESOURCES = 20_000;
const CHARACTERS = 8 * 1024 * 1024;

export interface Listing {
  /** The resources that match, in the order of the state: parents come before their children. */
  resources: readonly Leaf[];
  /** Number of all resources of the state. */
  total: number;
  /** Number of resources at the end of the state that were not looked at, because there were too many. */
  left: number;
}

/** @param words in lower case; a resource matches if its URN or its id contains all of them */
export async function listResources(state: AsyncIterable<Uint8Array>, words: string[]): Promise<Listing> {
  const resources: Leaf[] = [];
  const listing: Listing = { resources, total: 0, left: 0 };
  let room = CHARACTERS;
  const mayMatch = seeker(words, true);
  for await (const text of storedResources(state)) {
    listing.total++;
    if (resources.length >= MOST_RESOURCES || room <= 0) {
      listing.left++;
      continue;
    }
    const leaf = mayMatch(text) ? leafOf(membersOf(text)) : undefined;
    if (!leaf || !matches(leaf, words)) continue;
    room -= leaf.urn.length + leaf.type.length + leaf.parent.length + leaf.id.length;
    resources.push(leaf);
  }
  return listing;
}

export function matches({ urn, id }: Leaf, words: string[]): boolean {
  if (words.length === 0) return true;
  const text = `${urn} ${id}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** @returns undefined for a resource without a URN */
export function branchOf(members: Map<string, Uint8Array>): Branch | undefined {
  const leaf = leafOf(members);
  if (!leaf) return undefined;
  const json = members.get("dependencies");
  const dependencies: unknown = json && json.length <= DEPENDENCIES ? JSON.parse(decodeText(json)) : undefined;
  return { ...leaf, dependencies: Array.isArray(dependencies) ? dependencies.filter((its) => typeof its === "string") : [] };
}

/** The name in a URN. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

function leafOf(members: Map<string, Uint8Array>): Leaf | undefined {
  const text = (name: string) => stringIn(members.get(name));
  const urn = text("urn");
  if (urn === "") return undefined;
  return {
    urn,
    type: text("type"),
    name: nameOf(urn),
    parent: text("parent"),
    id: text("id"),
    custom: isTrue(members.get("custom")),
    leaving: isTrue(members.get("delete")),
  };
}

/** "" for another value than a text, and for a text that is too long. */
const stringIn = (json: Uint8Array | undefined): string =>
  json && json[0] === QUOTE && json.length <= MEMBER ? decodeString(json, 0, json.length) : "";

/** 0x74 is the t of `true`. */
const isTrue = (json: Uint8Array | undefined): boolean => json?.[0] === 0x74;

/** Texts that JSON writes as they are, unless it writes a character by its number or a slash with a backslash. */
const PLAIN = /^[\w:/.$ -]*$/;

/**
 * A fast test whether a resource's JSON may contain all of these texts. Most resources do not, and are then not parsed. A text that JSON may escape is not
 * looked for.
 * @param anyCase the texts are in lower case, and are found in upper and lower case
 */
export function seeker(texts: string[], anyCase: boolean): (json: Uint8Array) => boolean {
  const plain = texts.filter((text) => PLAIN.test(text));
  if (plain.length === 0) return () => true;
  return (json) => {
    const text = anyCase ? decodeText(json).toLowerCase() : decodeText(json);
    return plain.every((its) => text.includes(its)) || text.includes("\\u") || text.includes("\\/");
  };
}
