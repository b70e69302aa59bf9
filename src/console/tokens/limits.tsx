import type { AccessToken } from "../../tokens/openapi.ts";
import { Field } from "../components.tsx";

type Form = Record<string, string>;
type Limited = Pick<AccessToken, "stacks" | "ipAllowList" | "countryAllowList">;
type Rule = NonNullable<Limited["stacks"]>[number];

/** Says that no stack at all is open, which an empty field does not. */
const NONE = "none";

/** What a token is limited to, as one types it: patterns of stacks, networks, countries. */
export const LimitFields = ({ form, errors, ofStacks = true }: { form: Form; errors: Form; ofStacks?: boolean }) => (
  <>
    {ofStacks && (
      <Field
        name="stacks"
        label="Only these stacks"
        value={form["stacks"]}
        error={errors["stacks"]}
        placeholder="web/* infra/dev:read"
        hint="Patterns of project/stack, separated by spaces; * stands for any characters, :read opens for reading only, :preview for previews too. Empty: all that the rights open."
      />
    )}
    <Field
      name="networks"
      label="Only from these networks"
      value={form["networks"]}
      error={errors["ipAllowList"]}
      placeholder="192.0.2.0/24 2001:db8::/32"
      hint="Addresses or networks, separated by spaces. Empty: from everywhere."
    />
    <Field
      name="countries"
      label="Only from these countries"
      value={form["countries"]}
      error={errors["countryAllowList"]}
      placeholder="DE AT"
      hint="Two letters each. Empty: from everywhere."
    />
  </>
);

const words = (text: string | undefined) => (text ?? "").split(/[\s,]+/).filter(Boolean);

/** The API's own members, out of the fields that the form has: what was not sent stays as it is. `stacks` is null for no limit. */
export const tokenLimitsIn = (form: Form) => ({
  ...("stacks" in form && { stacks: rulesOf(words(form["stacks"])) }),
  ...("networks" in form && { ipAllowList: words(form["networks"]) }),
  ...("countries" in form && { countryAllowList: words(form["countries"]) }),
});

function rulesOf(patterns: string[]) {
  if (patterns.length === 0) return null;
  if (patterns.length === 1 && patterns[0] === NONE) return [];
  return patterns.map((text) => {
    const [, pattern = "", access] = /^(.*?)(?::(read|preview|write))?$/.exec(text) ?? [];
    const [project = "", stack] = pattern.split(/\/(.*)/, 2);
    return { project, ...(stack !== undefined && { stack }), ...(access !== undefined && { access }) };
  });
}

const patternOf = ({ project, stack, access }: Rule) => `${project}/${stack}${access === "write" ? "" : `:${access}`}`;

/** A token's limits as the fields have them. */
export const limitsForm = ({ stacks, ipAllowList = [], countryAllowList = [] }: Limited): Form => ({
  stacks: stacks ? stacks.map(patternOf).join(" ") || NONE : "",
  networks: ipAllowList.join(" "),
  countries: countryAllowList.join(" "),
});
