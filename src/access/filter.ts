import { type SQL, sql } from "drizzle-orm";
import type { Rule } from "./rules.ts";

/** The rules that give a right on stacks of one organization. */
export interface GrantedIn {
  orgId: string;
  rules: Rule[];
}

/**
 * SQL condition on a row of `stacks`: one of the rules is true of the stack. It gives the same result as `holds`. There may be thousands of rules
 * that name one stack, so these are one look-up. The other rules are read for each stack. The condition has two parameters at most.
 */
export function isGranted(granted: GrantedIn[]): SQL {
  const named: [string, string][] = [];
  const rules: { org: string; atoms: Rule }[] = [];
  for (const { orgId, rules: ofOrg } of granted) {
    for (const rule of ofOrg) {
      const [first] = rule;
      if (rule.length === 1 && first!.is === "stack" && !first!.not) named.push([orgId, first!.id]);
      else rules.push({ org: orgId, atoms: rule });
    }
  }
  const byName = sql`(stacks.org_id, stacks.id) IN (SELECT value->>0, value->>1 FROM json_each(${JSON.stringify(named)}))`;
  const byRule = sql`EXISTS (SELECT 1 FROM json_each(${JSON.stringify(rules)}) AS rule WHERE rule.value->>'org' = stacks.org_id AND NOT EXISTS (
    SELECT 1 FROM json_each(rule.value, '$.atoms') AS atom WHERE ${isTrue} = coalesce(atom.value->>'not', 0)))`;
  if (rules.length === 0) return named.length === 0 ? sql`0` : byName;
  return named.length === 0 ? byRule : sql`(${byName} OR ${byRule})`;
}

/** The value of a tag of the stack, or NULL. */
const tag = (key: string) =>
  sql.raw(`(SELECT t.value FROM stack_tags AS t WHERE t.stack_id = stacks.id AND t.name = atom.value->>'${key}')`);

const isTrue = sql`CASE atom.value->>'is'
  WHEN 'stack' THEN stacks.id = atom.value->>'id'
  WHEN 'tag' THEN ${tag("key")} IS atom.value->>'value'
  WHEN 'hasTag' THEN ${tag("key")} IS NOT NULL
  WHEN 'sameTags' THEN coalesce(${tag("key")} = ${tag("other")}, 0) END`;
