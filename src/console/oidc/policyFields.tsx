import { cut, pageBytes } from "../../http/pageText.ts";
import type { AuthPolicy } from "../../oidc/openapi.ts";
import { Choice, Field } from "../components.tsx";

type Form = Record<string, string>;
export type Definition = AuthPolicy["policies"][number];
type StackRule = NonNullable<Definition["stacks"]>[number];

/** Number of rows for rules, and the maximum number of rules of a policy. */
const ROWS = 4;
const MOST_ROWS = 50;

/** The text for "no stack is allowed", because an empty field is no limit. */
const NONE = "none";

export const rowsIn = (form: Form): number => Math.min(Math.max(ROWS, Math.floor(Number(form["rows"]) || 0)), MOST_ROWS);

export const withMoreRows = (form: Form): Form => ({ ...form, rows: String(rowsIn(form) + ROWS) });

/**
 * Reads the fields of a policy. @returns a body to be checked by the schema of the API, or the faults of fields
 * @param before the stored policy: permissions without a field stay
 */
export function readFields(form: Form, before?: Definition): { value: unknown } | { fields: Form } {
  const fields: Form = {};
  const rules = new Map<string, string>();
  for (let at = 0; at < rowsIn(form); at++) {
    const claim = (form[`claim${at}`] ?? "").trim();
    const pattern = (form[`pattern${at}`] ?? "").trim();
    if (claim === "" && pattern === "") continue;
    if (claim === "" || pattern === "") fields["rules"] = `Rule ${at + 1} needs a claim and a pattern.`;
    else if (rules.has(claim)) fields["rules"] = `Rule ${at + 1} is about the same claim as another rule.`;
    rules.set(claim, pattern);
  }
  const stacks = stacksIn(form["stacks"]);
  if (stacks === undefined) fields["stacks"] = "Write each pattern as PROJECT/STACK.";
  if (Object.keys(fields).length > 0) return { fields };
  const others = (before?.authorizedPermissions ?? []).filter((one) => one !== "admin");
  const isOrganization = form["tokenType"] === "organization";
  return {
    value: {
      decision: form["decision"],
      tokenType: form["tokenType"],
      teamName: form["teamName"]?.trim(),
      userLogin: form["userLogin"]?.trim(),
      roleID: isOrganization ? form["roleID"] : "",
      authorizedPermissions: isOrganization && form["admin"] === "yes" ? ["admin", ...others] : others,
      rules: Object.fromEntries(rules),
      stacks,
    },
  };
}

/** A pattern may contain claims in braces, whose names may have any character. */
const pattern = /^((?:\{[^{}]*\}|[^/{}])+?)(?:\/((?:\{[^{}]*\}|[^{}])+?))?(?::(read|preview|write))?$/;

/** @returns null for no limit, undefined for a text that is no pattern */
export function stacksIn(text: string | undefined): unknown[] | null | undefined {
  const texts = [...(text ?? "").matchAll(/(?:\{[^{}]*\}|[^\s,])+/g)].map(([one]) => one);
  if (texts.length === 0) return null;
  if (texts.length === 1 && texts[0] === NONE) return [];
  const read = texts.map((one) => {
    const [, project, stack = "*", access = "write"] = pattern.exec(one) ?? [];
    return project === undefined ? undefined : { project, stack, access };
  });
  return read.includes(undefined) ? undefined : read;
}

export const stackText = ({ project, stack, access }: StackRule) => `${project}/${stack}${access === "write" ? "" : `:${access}`}`;

export function tokenOf({ tokenType, teamName, userLogin }: Pick<Definition, "tokenType" | "teamName" | "userLogin">): string {
  switch (tokenType) {
    case "organization":
      return "An organization token";
    case "team":
      return `A token of the team ${cut(teamName ?? "", 300)}`;
    case "personal":
      return `A personal token of ${cut(userLogin ?? "", 300)}`;
  }
}

/** The values of the fields for a policy. */
export const formOf = (one: Definition): Form => ({
  decision: one.decision,
  tokenType: one.tokenType,
  teamName: one.teamName ?? "",
  userLogin: one.userLogin ?? "",
  roleID: one.roleID ?? "",
  ...(one.authorizedPermissions.includes("admin") && { admin: "yes" }),
  stacks: one.stacks ? one.stacks.map(stackText).join(" ") || NONE : "",
  rows: String(Object.keys(one.rules).length + 1),
  ...Object.fromEntries(
    Object.entries(one.rules).flatMap(([claim, wanted], at) => [
      [`claim${at}`, claim],
      [`pattern${at}`, wanted],
    ]),
  ),
});

/** Maximum number of bytes of the typed texts on the page: a page has at most 100 KB. */
const MOST_TYPED = 40_000;
export const isTooLong = (form: Form): boolean => Object.values(form).reduce((sum, text) => sum + pageBytes(text), 0) > MOST_TYPED;

/** Claims that many providers have, as suggestions. */
const suggested = ["aud", "sub", "repository", "repository_id", "repository_owner_id", "ref", "environment", "event_name", "project_id"];

interface Props {
  form: Form;
  errors: Form;
  roles: readonly (readonly [id: string, name: string])[];
}

export const PolicyFields = ({ form, errors, roles }: Props) => (
  <>
    <Choice
      name="decision"
      label="Decision"
      value={form["decision"] ?? "allow"}
      options={[
        ["allow", "Allow"],
        ["deny", "Deny: no other policy can allow it"],
      ]}
    />
    <fieldset>
      <legend>Rules</legend>
      <p class="hint">
        All must match. In a pattern, * is any characters or none, ? is one character or none, and . is exactly one character.
      </p>
      <input type="hidden" name="rows" value={String(rowsIn(form))} />
      <datalist id="claims">
        {suggested.map((claim) => (
          <option value={claim} />
        ))}
      </datalist>
      <div class="rules">
        {Array.from({ length: rowsIn(form) }, (_, at) => (
          <>
            <input
              name={`claim${at}`}
              value={form[`claim${at}`]}
              aria-label={`Claim of rule ${at + 1}`}
              list="claims"
              placeholder="claim"
              autocomplete="off"
            />
            <input
              name={`pattern${at}`}
              value={form[`pattern${at}`]}
              aria-label={`Pattern of rule ${at + 1}`}
              placeholder="pattern"
              autocomplete="off"
            />
          </>
        ))}
      </div>
      {errors["rules"] && <p class="wrong">{errors["rules"]}</p>}
    </fieldset>
    <TokenFields form={form} errors={errors} roles={roles} />
  </>
);

/** The fields for the token that the policy gives: its kind, its owner and its role. */
export const TokenFields = ({ form, errors, roles }: Props) => (
  <>
    <Choice
      name="tokenType"
      label="Kind of token"
      value={form["tokenType"] ?? "organization"}
      options={[
        ["organization", "Organization token"],
        ["team", "Token of a team"],
        ["personal", "Personal token"],
      ]}
    />
    <Field
      name="teamName"
      label="Team"
      value={form["teamName"]}
      error={errors["teamName"]}
      maxlength={200}
      hint="For the token of a team. It may have wildcards."
    />
    <Field
      name="userLogin"
      label="Person"
      value={form["userLogin"]}
      error={errors["userLogin"]}
      maxlength={200}
      hint="For a personal token: a login."
    />
    <RoleField form={form} roles={roles} />
    <div class="field">
      <label class="plain option">
        <input type="checkbox" name="admin" value="yes" checked={form["admin"] === "yes"} /> An organization token gets the role Admin if it
        asks for the scope <code>admin</code>
      </label>
      <p class="hint warn">Everybody who can change the pipeline can then change the organization.</p>
    </div>
    <StacksField form={form} errors={errors} />
  </>
);

export const RoleField = ({ form, roles }: Pick<Props, "form" | "roles">) => (
  <Choice
    name="roleID"
    label="Role of an organization token"
    value={form["roleID"] ?? ""}
    options={[["", "Member"], ...roles]}
    hint="If several policies match, they must not give different roles."
  />
);

export const StacksField = ({ form, errors }: Pick<Props, "form" | "errors">) => (
  <Field
    name="stacks"
    label="Allowed stacks"
    value={form["stacks"]}
    error={errors["stacks"]}
    placeholder="{repository_name}/* infra/dev:read"
    hint="Patterns of project/stack, separated by spaces. A claim in braces stands for its value. Add :read to allow only reading, or :preview to allow reading and previews. Leave empty to allow all stacks of the role."
  />
);
