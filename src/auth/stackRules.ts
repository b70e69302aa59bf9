import { type SQL, sql } from "drizzle-orm";
import { type StackRule, stackAccesses } from "../tokens/table.ts";

/**
 * Maximum length of a pattern with `*`, because D1 accepts patterns of 50 bytes. A pattern without `*` may have the full length of a name
 * (platform-facts D-5).
 */
const MAX_PATTERN = 50;

/** @returns the fault of a pattern, or undefined */
export function patternFault(pattern: string): string | undefined {
  if (!/^[A-Za-z0-9_.*-]{1,100}$/.test(pattern)) return "a pattern has 1 to 100 characters of A-Z a-z 0-9 _ . - and *";
  if (pattern.includes("*") && pattern.length > MAX_PATTERN) return `a pattern with * has at most ${MAX_PATTERN} characters`;
  return undefined;
}

/** `*` matches any characters or none. @returns whether a name in lower case matches */
function matcher(pattern: string): (text: string) => boolean {
  const parts = pattern.toLowerCase().split("*");
  const first = parts[0]!;
  const last = parts.at(-1)!;
  const between = parts.slice(1, -1);
  if (parts.length === 1) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}

export type Access = "none" | StackRule["access"];

/** The access that the rules of a token allow on a stack: the widest of the rules that match. Null means no limit. */
export const accessTo = (rules: StackRule[] | null, project: string, stack: string): Access => accessBy(rules)(project, stack);

/**
 * Finds the access that the rules of a token allow on each of many stacks. It is fast if the stacks of a project follow each other. Upper and
 * lower case are equal, because no two names differ by case alone.
 */
export function accessBy(rules: StackRule[] | null): (project: string, stack: string) => Access {
  if (rules === null) return () => "write";
  const widestFirst = stackAccesses
    .toReversed()
    .flatMap((access) =>
      rules
        .filter((rule) => rule.access === access)
        .map((rule) => ({ access, ofProject: matcher(rule.project), ofStack: matcher(rule.stack) })),
    );
  let known: string | undefined;
  let fitting = widestFirst;
  return (project, stack) => {
    if (project !== known) fitting = widestFirst.filter(({ ofProject }) => ofProject(project.toLowerCase()));
    known = project;
    const name = fitting.length === 0 ? "" : stack.toLowerCase();
    return fitting.find(({ ofStack }) => ofStack(name))?.access ?? "none";
  };
}

/** SQL condition: a rule of the token matches the stack. It has one parameter for all rules. */
export const isVisible = (rules: StackRule[] | null, project: SQL, stack: SQL): SQL | undefined =>
  rules === null
    ? undefined
    : sql`EXISTS (SELECT 1 FROM json_each(${JSON.stringify(rules)}) AS rule WHERE ${fits(project, "project")} AND ${fits(stack, "stack")})`;

const fits = (column: SQL, part: "project" | "stack") => {
  const pattern = sql`lower(json_extract(rule.value, ${sql.raw(`'$.${part}'`)}))`;
  return sql`CASE WHEN instr(${pattern}, '*') THEN lower(${column}) GLOB ${pattern} ELSE lower(${column}) = ${pattern} END`;
};
