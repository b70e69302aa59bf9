import type { ScopeGrant } from "../../access/descriptor.ts";
import type { Atom, Rule } from "../../access/rules.ts";
import { hasEffect } from "../../auth/policy.ts";
import { cut } from "../../http/pageText.ts";
import type { RoleSummary } from "../../roles/summaries.ts";
import { inFewWords, scopeWords } from "../../roles/scopes.ts";

/** Maximum number of rules of one condition that a page names. */
const MOST_RULES = 10;
/** In bytes: a rule, and each text in it. */
const MOST_RULE = 200;
const MOST_TEXT = 80;
const MOST_WHERE = 120;

type Names = ReadonlyMap<string, string>;
const noNames: Names = new Map();

function atomText(atom: Atom, names: Names): string {
  const not = atom.not ? "not " : "";
  switch (atom.is) {
    case "stack":
      return `${not}the stack ${names.get(atom.id) ?? `with the id ${cut(atom.id, 40)}`}`;
    case "tag":
      return `${not}the tag ${cut(atom.key, MOST_TEXT)} = ${cut(atom.value, MOST_TEXT)}`;
    case "hasTag":
      return atom.not ? `no tag ${cut(atom.key, MOST_TEXT)}` : `a tag ${cut(atom.key, MOST_TEXT)}`;
    case "sameTags":
      return `${not}the same value of the tags ${cut(atom.key, MOST_TEXT)} and ${cut(atom.other, MOST_TEXT)}`;
  }
}

const ruleText = (rule: Rule, names: Names) => rule.map((atom) => atomText(atom, names)).join(" and ");
const namesOneStack = ([first, ...others]: Rule) => first?.is === "stack" && !first.not && others.length === 0;

/** The stacks of a condition, as the end of a sentence. */
export function whereText(rules: Rule[] | null, names: Names = noNames, most = 2): string {
  if (rules === null) return "all stacks";
  if (rules.some((rule) => rule.length === 0)) return "each stack";
  if (rules.length > 0 && rules.every(namesOneStack)) {
    const known = rules.flatMap(([atom]) => (atom?.is === "stack" && names.has(atom.id) ? [names.get(atom.id)!] : []));
    if (known.length === rules.length && known.length <= Math.max(most, 3)) return known.join(", ");
    return rules.length === 1 ? "1 named stack" : `${rules.length} named stacks`;
  }
  const shown = rules.slice(0, most).map((rule) => ruleText(rule, names));
  return `stacks with ${shown.join(", or ")}${rules.length > most ? `, or one of ${rules.length - most} other conditions` : ""}`;
}

/** Maximum number of conditions of a role in a list; the others are counted. */
const MOST_LINES = 4;

/** Shows the rights of a role in a few lines. */
export function inShort({ builtIn, grants }: Pick<RoleSummary, "builtIn" | "grants">): string[] {
  if (builtIn === "admin") return ["Everything in the organization and on all its stacks"];
  if (!grants) return ["Many conditions: open the role to read them"];
  const lines = grants.flatMap(({ scopes, rules }) => {
    const [onStacks, onOrganization] = [inFewWords(scopes, "stack"), inFewWords(scopes, "organization")];
    const where = cut(whereText(rules), MOST_WHERE);
    return [
      ...(onStacks.length > 0 ? [`${where[0]!.toUpperCase()}${where.slice(1)}: ${onStacks.join(", ")}`] : []),
      ...(onOrganization.length > 0 && rules === null ? [`Organization: ${onOrganization.join(", ")}`] : []),
    ];
  });
  if (lines.length === 0) return ["Nothing"];
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more conditions`] : lines;
}

export const InShort = ({ role }: { role: Pick<RoleSummary, "builtIn" | "grants"> }) => (
  <>
    {inShort(role).map((line) => (
      <span class="hint line">{line}</span>
    ))}
  </>
);

/** The ids of the stacks that grants name, for `stackNamesOf`. */
export const stacksNamedIn = (grants: ScopeGrant[]): string[] => [
  ...new Set(
    grants.flatMap(({ rules }) =>
      (rules ?? []).slice(0, MOST_RULES).flatMap((rule) => rule.flatMap((atom) => (atom.is === "stack" ? [atom.id] : []))),
    ),
  ),
];

/** Maximum number of grants that a page shows. Each may list forty rights. */
const MOST_GRANTS = 8;

/** Everything that a role opens: the rights in the words of the list of scopes, by the stacks for which they count. */
export const Opens = ({ grants, names }: { grants: ScopeGrant[]; names: Names }) => {
  const useful = grants.filter(({ scopes }) => scopes.some(hasEffect));
  const without = [...new Set(grants.flatMap(({ scopes }) => scopes.filter((scope) => !hasEffect(scope))))];
  return (
    <>
      {useful.length === 0 && <p>It opens nothing.</p>}
      {useful.slice(0, MOST_GRANTS).map(({ scopes, rules }) => (
        <>
          {rules === null ? (
            <h3>On the organization and all its stacks</h3>
          ) : (
            <>
              <h3>On {cut(whereText(rules, names, 3), 2 * MOST_RULE)}</h3>
              {rules.length > 1 && <Conditions rules={rules} names={names} />}
            </>
          )}
          <Rights scopes={scopes} onlyStacks={rules !== null} />
        </>
      ))}
      {useful.length > MOST_GRANTS && <p class="faint">and {useful.length - MOST_GRANTS} more conditions</p>}
      {without.length > 0 && (
        <p class="faint">
          These scopes grant nothing here: {cut(without.slice(0, 50).join(", "), 3000)}
          {without.length > 50 && ` and ${without.length - 50} more`}
        </p>
      )}
    </>
  );
};

const Conditions = ({ rules, names }: { rules: Rule[]; names: Names }) => (
  <details>
    <summary>All {rules.length} conditions</summary>
    <ul>
      {rules.slice(0, MOST_RULES).map((rule) => (
        <li>{cut(ruleText(rule, names) || "each stack", MOST_RULE)}</li>
      ))}
      {rules.length > MOST_RULES && <li class="faint">and {rules.length - MOST_RULES} more</li>}
    </ul>
  </details>
);

const Rights = ({ scopes, onlyStacks }: { scopes: string[]; onlyStacks: boolean }) => {
  const given = new Set(scopes);
  const words = scopeWords.filter(({ name, about }) => given.has(name) && (!onlyStacks || about === "stack"));
  return (
    <dl>
      {[...Map.groupBy(words, ({ group }) => group)].map(([group, list]) => (
        <>
          <dt>{group}</dt>
          <dd>
            {list.map(({ name, description }) => (
              <div>
                {description} <code class="faint">{name}</code>
              </div>
            ))}
          </dd>
        </>
      ))}
    </dl>
  );
};
