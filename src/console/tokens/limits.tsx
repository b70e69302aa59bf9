import type { AccessToken } from "../../tokens/openapi.ts";
import { Field } from "../components.tsx";

type Form = Record<string, string>;
type Limited = Pick<AccessToken, "stacks" | "ipAllowList" | "countryAllowList">;
type Rule = NonNullable<Limited["stacks"]>[number];

/** The text for "no stack is allowed", because an empty field allows all stacks. */
const NONE = "none";

/** The limits of a token as typed: patterns of stacks, networks, countries. */
export const LimitFields = ({ form, errors, ofStacks = true }: { form: Form; errors: Form; ofStacks?: boolean }) => (
  <>
    {ofStacks && (
      <Field
        name="stacks"
        label="Allowed stacks"
        value={form["stacks"]}
        error={errors["stacks"]}
        placeholder="web/* infra/dev:read"
        hint="Patterns of project/stack, separated by spaces. * matches any characters; add :read to allow only reading, or :preview to allow reading and previews. Leave empty to allow all stacks of the role."
      />
    )}
    <Field
      name="networks"
      label="Allowed networks"
      value={form["networks"]}
      error={errors["ipAllowList"]}
      placeholder="192.0.2.0/24 2001:db8::/32"
      hint="Addresses or networks, separated by spaces. Leave empty to allow all networks."
    />
    <Field
      name="countries"
      label="Allowed countries"
      value={form["countries"]}
      error={errors["countryAllowList"]}
      placeholder="DE AT"
      hint="Two letters each. Leave empty to allow all countries."
    />
  </>
);

const words = (text: string | undefined) => (text ?? "").split(/[\s,]+/).filter(Boolean);

/** The members of the API's request, from the fields of the form: an absent field is unchanged. `stacks` is null for no limit. */
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

/** A token's limits as values of the form's fields. */
export const limitsForm = ({ stacks, ipAllowList = [], countryAllowList = [] }: Limited): Form => ({
  stacks: stacks ? stacks.map(patternOf).join(" ") || NONE : "",
  networks: ipAllowList.join(" "),
  countries: countryAllowList.join(" "),
});
