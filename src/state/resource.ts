/** Reads the few members of a resource that the service needs (cli-protocol §4.8.4, §5.4). Inputs and outputs are never parsed. */
import { OPEN_OBJECT, QUOTE, decodeString, parse, skipSpace, skipValue, visitMembers } from "./json/json.ts";

/** Facts about a resource that need little decoding. */
export interface Facts {
  /** The schema features that the resource needs (§4.8.4). The array is shared, so it must not be changed. */
  features: readonly string[];
  isStack: boolean;
  hasAliases: boolean;
  /** Name of the stack that the resource refers to; "" when it is not a StackReference. */
  refersTo: string;
}

/** End of the text that was read, so that the caller need not skip it again. */
interface End {
  end: number;
}

/** Stores each distinct set of facts once, because most resources have the same facts. */
export class KnownFacts {
  readonly #all: Facts[] = [];
  readonly #numbers = new Map<string, number>();

  number({ features, isStack, hasAliases, refersTo }: Facts): number {
    const key = `${isStack} ${hasAliases} ${features.join()} ${refersTo}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#all.push({ features, isStack, hasAliases, refersTo }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }

  at(number: number): Facts {
    return this.#all[number]!;
  }

  same(facts: Facts): Facts {
    return this.at(this.number(facts));
  }
}

const FEATURE_OF: ReadonlyMap<string, string> = new Map([
  ["refreshBeforeUpdate", "refreshBeforeUpdate"],
  ["viewOf", "views"],
  ["resourceHooks", "hooks"],
  ["taint", "taint"],
  ["replaceWith", "replaceWith"],
  ["extensionRef", "extensionParameterization"],
  ["snippetID", "snippets-prototype"],
]);

/** The features that a replay computes. Other features of the base are kept. */
export const DERIVED_FEATURES: ReadonlySet<string> = new Set(FEATURE_OF.values());
const NONE: readonly string[] = Object.freeze([]);

export function readFacts(bytes: Uint8Array, at = 0): Facts & End {
  let features: Set<string> | undefined;
  let type = "";
  let id = -1;
  let hasAliases = false;
  const end = visitMembers(bytes, at, (key, start) => {
    const end = skipValue(bytes, start);
    const feature = FEATURE_OF.get(key);
    if (feature) {
      if (isSet(bytes, start)) (features ??= new Set()).add(feature);
      else features?.delete(feature);
    } else if (key === "type") {
      type = bytes[start] === QUOTE && end - start < 40 ? decodeString(bytes, start, end) : "";
    } else if (key === "id") {
      id = start;
    } else if (key === "aliases") {
      hasAliases = isSet(bytes, start);
    }
    return end;
  });
  const refersTo = type === "pulumi:pulumi:StackReference" && bytes[id] === QUOTE ? decodeString(bytes, id, skipValue(bytes, id)) : "";
  return { features: features?.size ? [...features] : NONE, isStack: type === "pulumi:pulumi:Stack", hasAliases, refersTo, end };
}

/** Facts about a pending operation `{resource, type}`. */
export interface OperationFacts {
  /** A later update keeps only operations of this type (§4.8.4). */
  creates: boolean;
  features: readonly string[];
}

export function readOperation(bytes: Uint8Array, at = 0): OperationFacts & End {
  let creates = false;
  let features = NONE;
  const end = visitMembers(bytes, at, (key, start) => {
    if (key === "resource") {
      const facts = readFacts(bytes, start);
      features = facts.features;
      return facts.end;
    }
    const end = skipValue(bytes, start);
    if (key === "type") creates = bytes[start] === QUOTE && decodeString(bytes, start, end) === "creating";
    return end;
  });
  return { creates, features, end };
}

/** Whether a value is true, or a string, array or object that is not empty. */
function isSet(bytes: Uint8Array, start: number): boolean {
  const c = bytes[start]!;
  if (c === QUOTE) return bytes[start + 1] !== QUOTE;
  // The closing bracket is the opening one plus two.
  if ((c | 0x20) === OPEN_OBJECT) return bytes[skipSpace(bytes, start + 1)] !== c + 2;
  return c === 0x74;
}

/** The URNs in a resource; absent ones are "" and []. An object of this type never changes. */
export interface Links {
  readonly urn: string;
  readonly parent: string;
  /** `URN::ID` */
  readonly provider: string;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: readonly (readonly [property: string, urns: readonly string[]])[];
  readonly replaceWith: readonly string[];
  readonly deletedWith: string;
  readonly viewOf: string;
  readonly aliases: readonly string[];
}

export function readLinks(bytes: Uint8Array, at = 0): Links {
  const links: { -readonly [K in keyof Links]: Links[K] } = {
    urn: "",
    parent: "",
    provider: "",
    dependencies: [],
    propertyDependencies: [],
    replaceWith: [],
    deletedWith: "",
    viewOf: "",
    aliases: [],
  };
  const urns = (value: unknown) => (Array.isArray(value) ? value.filter((urn) => typeof urn === "string") : []);
  visitMembers(bytes, at, (key, start) => {
    const end = skipValue(bytes, start);
    switch (key) {
      case "urn":
      case "parent":
      case "provider":
      case "deletedWith":
      case "viewOf":
        links[key] = bytes[start] === QUOTE ? decodeString(bytes, start, end) : "";
        break;
      case "dependencies":
      case "replaceWith":
      case "aliases":
        links[key] = urns(parse(bytes.subarray(start, end)));
        break;
      case "propertyDependencies":
        links[key] = Object.entries(parse(bytes.subarray(start, end)) ?? {}).map(([property, value]) => [property, urns(value)]);
    }
    return end;
  });
  return links;
}
