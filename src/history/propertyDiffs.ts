/** The properties of a resource that an operation changes, as its engine event says (cli-protocol §4.9). Pure. */
import { SECRET } from "../state/json/signed.ts";
import type { StepMetadata } from "./summarize.ts";

export interface PropertyDiff {
  /** Path of the property as the engine writes it, for example `tags.name`. */
  path: string;
  kind: "add" | "delete" | "update";
  /** A change of the property requires a replacement of the resource. */
  replaces: boolean;
  /** Values as text; undefined if the event has none. */
  before: string | undefined;
  after: string | undefined;
}

/** Maximum number of properties of one resource. */
const MOST = 100;
/** Maximum number of characters of a path. A longer one cannot be a name that people chose. */
const PATH = 500;

type Json = { [name: string]: unknown };
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

const isDetailed = ({ detailedDiff }: StepMetadata) => isObject(detailedDiff) && Object.keys(detailedDiff).length > 0;

export const hasDiffs = (metadata: StepMetadata): boolean =>
  isDetailed(metadata) || (Array.isArray(metadata.diffs) && metadata.diffs.length > 0);

/** The differences in an event, one by one. A client sent it, so nothing in it need have the expected form. */
export function* diffsOf({ old, new: now, diffs, detailedDiff }: StepMetadata): Generator<PropertyDiff> {
  if (isDetailed({ detailedDiff })) {
    for (const [path, its] of Object.entries(detailedDiff as Json).slice(0, MOST)) {
      if (path.length > PATH || !isObject(its) || typeof its["kind"] !== "string") continue;
      const { kind } = its;
      const steps = stepsOf(path);
      const before = kind.startsWith("add") ? undefined : at(its["inputDiff"] === true ? old?.inputs : old?.outputs, steps);
      const after = kind.startsWith("delete") ? undefined : at(now?.inputs, steps);
      yield { path, kind: kindOf(kind), replaces: kind.endsWith("-replace"), before: textOf(before), after: textOf(after) };
    }
  } else if (Array.isArray(diffs)) {
    for (const name of diffs.slice(0, MOST) as unknown[]) {
      if (typeof name !== "string" || name.length > PATH) continue;
      const [before, after] = [at(old?.inputs, [name]), at(now?.inputs, [name])];
      const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
      yield { path: name, kind, replaces: false, before: textOf(before), after: textOf(after) };
    }
  }
}

const kindOf = (kind: string): PropertyDiff["kind"] => (kind.startsWith("add") ? "add" : kind.startsWith("delete") ? "delete" : "update");

/** The names and indexes in a path: `a.b[0]["c.d"]`. */
function stepsOf(path: string): string[] {
  const steps: string[] = [];
  for (const [, name, index, quoted] of path.matchAll(/\.?([^.[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/g))
    steps.push(name ?? index ?? quoted!.replaceAll(/\\(.)/g, "$1"));
  return steps;
}

function at(value: unknown, steps: string[]): unknown {
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Json)[step];
  }
  return value;
}

/** The engine has replaced secrets by `[secret]`. Another kind of client may have left them. */
function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.includes(SECRET) ? "[secret]" : text;
}
