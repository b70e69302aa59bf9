import { type SQL, sql } from "drizzle-orm";
import { type StackRule, stackAccesses } from "../tokens/table.ts";

/** D1 takes patterns of 50 bytes; a name without `*` may be as long as a name is (platform-facts D-5). */
const MAX_PATTERN = 50;

/** What is wrong with a pattern, or undefined. */
export function patternFault(pattern: string): string | undefined {
  if (!/^[A-Za-z0-9_.*-]{1,100}$/.test(pattern)) return "a pattern has 1 to 100 characters of A-Z a-z 0-9 _ . - and *";
  if (pattern.includes("*") && pattern.length > MAX_PATTERN) return `a pattern with * has at most ${MAX_PATTERN} characters`;
  return undefined;
}

/** `*` stands for any characters, also none; everything else for itself. Case does not count: no two stacks differ by it alone. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.toLowerCase().split("*");
  const text = name.toLowerCase();
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** What a token may do to a stack at most: the widest of the rules that match. No rules at all: no limit. */
export function accessTo(rules: StackRule[] | null, project: string, stack: string): "none" | StackRule["access"] {
  if (rules === null) return "write";
  const fitting = rules.filter((rule) => matches(rule.project, project) && matches(rule.stack, stack));
  return stackAccesses.findLast((access) => fitting.some((rule) => rule.access === access)) ?? "none";
}

/** The same for a query over stacks: true where a token with these rules may see the stack. One parameter for all rules. */
export const isVisible = (rules: StackRule[] | null, project: SQL, stack: SQL): SQL | undefined =>
  rules === null
    ? undefined
    : sql`EXISTS (SELECT 1 FROM json_each(${JSON.stringify(rules)}) AS rule WHERE ${fits(project, "project")} AND ${fits(stack, "stack")})`;

const fits = (column: SQL, part: "project" | "stack") => {
  const pattern = sql`lower(json_extract(rule.value, ${sql.raw(`'$.${part}'`)}))`;
  return sql`CASE WHEN instr(${pattern}, '*') THEN lower(${column}) GLOB ${pattern} ELSE lower(${column}) = ${pattern} END`;
};
