import type { OrgContext } from "../../context.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { projectName, stackName } from "../../http/names.ts";
import type { StackRef } from "../../auth/policy.ts";
import { scopeWords } from "../../roles/scopes.ts";
import type { RoleSummary } from "../../roles/summaries.ts";
import { stackIdsOf, stackNamesOf } from "../../stacks/names.ts";
import { Choice, Field } from "../components.tsx";
import { type Chosen, MOST_PARTS, MOST_STACKS, type SimpleRole, type Where } from "./tree.ts";

type Form = Record<string, string>;

/** The prefix of the fields about the organization, and of those of one part about stacks. */
const ORGANIZATION = "organization";
const part = (at: number) => `part${at}`;

const offered = {
  organization: scopeWords.filter((one) => one.about === "organization"),
  stack: scopeWords.filter((one) => one.about === "stack"),
};

/** How many parts about stacks the form shows. */
export const partsIn = (form: Form): number => Math.min(Math.max(1, Math.floor(Number(form["parts"]) || 1)), MOST_PARTS);

const chosenIn = (form: Form, prefix: string, about: "organization" | "stack"): Chosen => ({
  set: form[`${prefix}.set`] ?? "",
  scopes: offered[about].map(({ name }) => name).filter((name) => form[`${prefix}.${name}`] === "yes"),
});

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Reads the fields about rights. @returns the faults of fields if there are any */
export async function readFields(ctx: OrgContext, form: Form): Promise<{ value: SimpleRole } | { fields: Record<string, string> }> {
  const fields: Record<string, string> = {};
  const parts = Array.from({ length: partsIn(form) }, (_, at) => ({ at, ...chosenIn(form, part(at), "stack") })).filter(
    ({ set, scopes }) => set !== "" || scopes.length > 0,
  );
  const written = new Map(parts.filter(({ at }) => form[`${part(at)}.on`] === "stacks").map(({ at }) => [at, stacksIn(form, at)]));
  const ids = await stackIdsOf(
    ctx,
    [...written.values()].flat().flatMap((one) => one.ref ?? []),
  );
  const whereOf = (at: number): Where => {
    const on = form[`${part(at)}.on`];
    if (on === "tag") {
      const [key = "", value = ""] = [form[`${part(at)}.key`], form[`${part(at)}.value`]];
      if (key === "") fields[`${part(at)}.key`] = "Enter the name of a tag.";
      return { on, key, value };
    }
    if (on !== "stacks") return { on: "all" };
    const named = written.get(at)!;
    const found = named.map(({ text, ref }) => (ref ? ids.get(text.toLowerCase()) : ID.test(text) ? text : undefined));
    const missing = named.find((_, i) => found[i] === undefined);
    if (named.length === 0) fields[`${part(at)}.stacks`] = "Enter at least one stack.";
    else if (named.length > MOST_STACKS) fields[`${part(at)}.stacks`] = `Enter at most ${MOST_STACKS} stacks, or use a tag.`;
    else if (missing) fields[`${part(at)}.stacks`] = `There is no stack ${missing.text.slice(0, 200)}.`;
    return { on, ids: [...new Set(found.filter((id) => id !== undefined))] };
  };
  const value = {
    organization: chosenIn(form, ORGANIZATION, "organization"),
    stacks: parts.map(({ at, set, scopes }) => ({ set, scopes, where: whereOf(at) })),
  };
  return Object.keys(fields).length > 0 ? { fields } : { value };
}

/** The stacks as typed: `project/stack`, or the id of a stack whose name the reader does not know. */
function stacksIn(form: Form, at: number): { text: string; ref?: StackRef }[] {
  const texts = (form[`${part(at)}.stacks`] ?? "").split(/[\s,]+/).filter(Boolean);
  return texts.slice(0, MOST_STACKS + 1).map((text) => {
    const [project = "", stack = "", ...rest] = text.split("/");
    const isRef = rest.length === 0 && projectName.safeParse(project).success && stackName.safeParse(stack).success;
    return { text, ...(isRef && { ref: { projectName: project, stackName: stack } }) };
  });
}

/** The values of the fields for a role. */
export async function formOf(ctx: OrgContext, { organization, stacks }: SimpleRole): Promise<Form> {
  const names = await stackNamesOf(
    ctx,
    stacks.flatMap(({ where }) => (where.on === "stacks" ? where.ids : [])),
  );
  const form: Form = { parts: String(Math.max(1, stacks.length)), ...fieldsOf(ORGANIZATION, organization) };
  for (const [at, { where, ...chosen }] of stacks.entries()) {
    Object.assign(form, fieldsOf(part(at), chosen), { [`${part(at)}.on`]: where.on });
    if (where.on === "tag") Object.assign(form, { [`${part(at)}.key`]: where.key, [`${part(at)}.value`]: where.value });
    if (where.on === "stacks") form[`${part(at)}.stacks`] = where.ids.map((id) => names.get(id) ?? id).join("\n");
  }
  return form;
}

const fieldsOf = (prefix: string, { set, scopes }: Chosen): Form => ({
  [`${prefix}.set`]: set,
  ...Object.fromEntries(scopes.map((scope) => [`${prefix}.${scope}`, "yes"])),
});

interface Props {
  form: Form;
  errors: Form;
  /** The permission sets, with what they are about. */
  sets: { role: RoleSummary; about: "organization" | "stack" }[];
}

/** Maximum number of bytes of the permission sets in all selections of the form. */
const ROOM_FOR_SETS = 15_000;

export const RightsFields = ({ form, errors, sets }: Props) => {
  const count = partsIn(form);
  const optionsOf = (prefix: string, about: "organization" | "stack") => {
    const offers = sets.filter((set) => set.about === about).map(({ role }) => [role.id, cut(role.name, 100)] as const);
    const chosen = offers.filter(([id]) => id === form[`${prefix}.set`]);
    const others = offers.filter((one) => !chosen.includes(one));
    const { shown } = fill(others, ROOM_FOR_SETS / count, ([id, name]) => id.length + pageBytes(name) + 30);
    return [["", "none"] as const, ...offers.filter((one) => chosen.includes(one) || shown.includes(one))];
  };
  return (
    <>
      <input type="hidden" name="parts" value={String(count)} />
      <h2>Rights on the organization</h2>
      <Choice
        name={`${ORGANIZATION}.set`}
        label="Permission set"
        value={form[`${ORGANIZATION}.set`] ?? ""}
        options={optionsOf(ORGANIZATION, "organization")}
      />
      <Scopes prefix={ORGANIZATION} about="organization" form={form} />
      <h2>Rights on stacks</h2>
      {Array.from({ length: count }, (_, at) => (
        <Part at={at} only={count === 1} form={form} errors={errors} options={optionsOf(part(at), "stack")} />
      ))}
    </>
  );
};

/** Shows the form again with fields for further stacks. It comes after the button that saves, which the Enter key presses. */
export const MoreStacks = ({ form }: { form: Form }) =>
  partsIn(form) < MOST_PARTS ? (
    <button class="quiet" name="more" value="yes" formnovalidate>
      Add rights on other stacks
    </button>
  ) : (
    <></>
  );

interface PartProps {
  at: number;
  only: boolean;
  form: Form;
  errors: Form;
  options: (readonly [string, string])[];
}

const Part = ({ at, only, form, errors, options }: PartProps) => {
  const prefix = part(at);
  const on = form[`${prefix}.on`] ?? "all";
  const Radio = ({ value, children }: { value: Where["on"]; children: string }) => (
    <label class="plain option">
      <input type="radio" name={`${prefix}.on`} value={value} checked={on === value} /> {children}
    </label>
  );
  return (
    <fieldset>
      <legend>{only ? "Stacks" : `Stacks, part ${at + 1}`}</legend>
      <Radio value="all">All stacks</Radio>
      <Radio value="tag">Stacks with a tag</Radio>
      <div class="pair">
        <Field name={`${prefix}.key`} label="Tag name" value={form[`${prefix}.key`]} error={errors[`${prefix}.key`]} placeholder="env" />
        <Field name={`${prefix}.value`} label="Tag value" value={form[`${prefix}.value`]} placeholder="prod" />
      </div>
      <Radio value="stacks">Named stacks</Radio>
      <div class="inset">
        <Field
          name={`${prefix}.stacks`}
          label="Stacks"
          value={form[`${prefix}.stacks`]?.split(/\s+/).join(" ")}
          error={errors[`${prefix}.stacks`]}
          placeholder="shop/production shop/staging"
          hint="project/stack, separated by spaces. A renamed stack keeps the rights."
        />
      </div>
      <Choice name={`${prefix}.set`} label="Permission set" value={form[`${prefix}.set`] ?? ""} options={options} />
      <Scopes prefix={prefix} about="stack" form={form} />
    </fieldset>
  );
};

const Scopes = ({ prefix, about, form }: { prefix: string; about: "organization" | "stack"; form: Form }) => {
  const list = offered[about];
  const isChosen = (name: string) => form[`${prefix}.${name}`] === "yes";
  const chosen = list.filter(({ name }) => isChosen(name)).length;
  return (
    <details open={chosen > 0}>
      <summary>{chosen > 0 ? `Single rights (${chosen})` : "Single rights"}</summary>
      {[...Map.groupBy(list, ({ group }) => group)].map(([group, words]) => (
        <>
          <p class="group">{group}</p>
          {words.map(({ name, description }) => (
            <label class="plain option">
              <input type="checkbox" name={`${prefix}.${name}`} value="yes" checked={isChosen(name)} /> {description}{" "}
              <code class="faint">{name}</code>
            </label>
          ))}
        </>
      ))}
    </details>
  );
};
