import { requireRight } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { dryRun } from "../../dryRuns/dryRun.ts";
import type { DryRun } from "../../dryRuns/openapi.ts";
import { AppError } from "../../errors.ts";
import { parseJson } from "../../http/json.ts";
import { pageBytes } from "../../http/pageText.ts";
import { findSet } from "../../roles/builtInSets.ts";
import { createRole } from "../../roles/create.ts";
import { CreateRoleRequest, UpdateRoleRequest } from "../../roles/schema.ts";
import { type RoleSummary, summarizeRoles } from "../../roles/summaries.ts";
import { updateRole } from "../../roles/update.ts";
import { type RoleInUse, readRoleInUse } from "../../roles/use.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Area, Choice, Field, Notice } from "../components.tsx";
import { Effects, SHOW, ShowEffects } from "../effects.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { MoreStacks, RightsFields, formOf, partsIn, readFields } from "./fields.tsx";
import { type AboutSet, readTree, writeTree } from "./tree.ts";

type Form = Record<string, string>;
type Context = OrgContext & { page: PageInput };

const NEW = "/:orgName/~/roles/new" as const;
const EDIT = "/:orgName/~/roles/:roleID/edit" as const;
const idOf = ({ page }: Context) => page.params["roleID"] ?? "";

/** The form for the usual roles, and the tree as JSON for all others. Both send the request of the API. */
export const roleEditPages = [
  definePage("GET", NEW, "role:create", (ctx) =>
    view(ctx, { form: ctx.page.query.get("as") === "json" ? { details: EXAMPLE } : {}, sets: undefined }),
  ),
  definePage("POST", NEW, "role:create", async (ctx) => {
    const { form } = ctx.page;
    requireShort(form);
    if (form["more"]) return view(ctx, { form: withOneMore(form) });
    const written = await treeOf(ctx, form);
    if ("problem" in written) return view(ctx, { form, problem: written.problem });
    const uxPurpose = form["purpose"] === "set" ? "set" : "role";
    const common = {
      name: form["name"],
      description: form["description"],
      uxPurpose,
      resourceType: uxPurpose === "set" ? "stack" : "organization",
    };
    const body = readForm(CreateRoleRequest, { ...common, details: written.details });
    const made = "problem" in body ? body : await attempt(() => createRole(ctx, body.value, requestText(written.text)), CORRECTABLE);
    if ("problem" in made) return view(ctx, { form, problem: made.problem });
    const { id } = (await made.value.json()) as { id: string };
    return { to: placePath(ctx.org.name, "roles", id), said: `${form["name"]} was created.` };
  }),

  definePage("GET", EDIT, "role:update", async (ctx) => {
    const { role, sets } = await changeable(ctx);
    const simple = ctx.page.query.get("as") === "json" ? undefined : simpleOf(ctx, role, sets);
    const described = { name: role.name, description: role.description };
    const form = simple && { ...described, ...(await formOf(ctx, simple)) };
    return view(ctx, { form: form && bytesOf(form) <= MOST_TYPED ? form : { ...described, details: role.details ?? "" }, role, sets });
  }),
  definePage("POST", EDIT, "role:update", async (ctx) => {
    const { form } = ctx.page;
    const { role, sets } = await changeable(ctx);
    requireShort(form);
    if (form["more"]) return view(ctx, { form: withOneMore(form), role, sets });
    const written = await treeOf(ctx, form);
    if ("problem" in written) return view(ctx, { form, role, sets, problem: written.problem });
    const before = simpleOf(ctx, role, sets);
    const isSame = "details" in form ? written.text === role.details : before && JSON.stringify(writeTree(before)) === written.text;
    const request = { name: form["name"], description: form["description"], ...(!isSame && { details: written.details }) };
    const list = placePath(ctx.org.name, "roles", role.id);
    const body = readForm(UpdateRoleRequest, request);
    if ("problem" in body) return view(ctx, { form, role, sets, problem: body.problem });
    const save = (to: OrgContext) => updateRole(to, role.id, body.value, requestText(written.text));
    if (form[SHOW]) {
      const path = `/api/orgs/${ctx.org.name}/roles/${role.id}`;
      const tried = { operationId: "UpdateRole", method: "PATCH", path, reports: false };
      const shown = await attempt(() => dryRun(ctx, tried, save), CORRECTABLE);
      return view(ctx, { form, role, sets, ...("problem" in shown ? shown : { effects: shown.value }) });
    }
    if (isSame && request.name === role.name && request.description === role.description)
      return { to: list, said: "Nothing was changed: the role is the same as before." };
    const done = await attempt(() => save(ctx), CORRECTABLE);
    return "problem" in done
      ? view(ctx, { form, role, sets, problem: done.problem })
      : { to: list, said: `${body.value.name ?? role.name} was saved.` };
  }),
];

/** The reader can correct these refusals, also a role with more rights than the reader has. */
const CORRECTABLE = [400, 403, 409, 413];

const withOneMore = (form: Form): Form => ({ ...form, parts: String(partsIn(form) + 1) });

/** The tree that the form describes, as JSON and parsed. */
async function treeOf(ctx: OrgContext, form: Form): Promise<{ text: string; details: unknown } | { problem: Problem }> {
  const typed = form["details"];
  if (typed === undefined) {
    const read = await readFields(ctx, form);
    if ("fields" in read) return { problem: { message: "Please correct the marked fields.", fields: read.fields } };
    const details = writeTree(read.value);
    return { text: JSON.stringify(details), details };
  }
  // A form sends the ends of lines as two characters.
  const text = typed.replaceAll("\r\n", "\n").trim();
  const parsed = await attempt(async () => parseJson(text), [400, 413]);
  if ("problem" in parsed)
    return { problem: { ...parsed.problem, message: "The definition is not valid.", fields: { details: `${parsed.problem.message}.` } } };
  return { text, details: parsed.value };
}

/**
 * The JSON of the API's request, because the tree is stored as it was written. The text was parsed before, so it is exactly one JSON value.
 */
const requestText = (details: string) => `{"details":${details}}`;

async function changeable(ctx: Context): Promise<{ role: RoleInUse; sets: RoleSummary[] }> {
  await requireRight(ctx, "role:read");
  const role = await readRoleInUse(ctx, idOf(ctx));
  if (!role.isCustom) throw new AppError(400, "A built-in role cannot be changed.");
  return { role, sets: await setsFor(ctx, role.id) };
}

/** The permission sets that a role can include. A set does not include itself. */
const setsFor = async (ctx: Context, except?: string) =>
  (await summarizeRoles(ctx)).filter(({ purpose, id }) => purpose === "set" && id !== except);

/** The type of resource on which a permission set gives rights. A custom set counts as one on stacks. */
const aboutIn =
  (ctx: OrgContext, sets: RoleSummary[]): AboutSet =>
  (id) =>
    sets.some((set) => set.id === id) ? (findSet(ctx.org.id, id)?.resourceType ?? "stack") : undefined;

const simpleOf = (ctx: OrgContext, { details }: RoleInUse, sets: RoleSummary[]) =>
  readTree(JSON.parse(details ?? "null"), aboutIn(ctx, sets));

/** Maximum number of bytes of a tree on the page, and of its form: a page has at most 100 KB, and a form 64 KB. */
const MOST_SHOWN = 60_000;
const MOST_SENT = 50_000;
/** Maximum number of bytes of the other fields on the page. */
const MOST_TYPED = 45_000;
const TOO_LONG = "This definition is too long for this page.";

const bytesOf = (form: Form) => Object.values(form).reduce((sum, text) => sum + pageBytes(text), 0);

/** A form with faults is shown again, so its page must not become too long. @throws 413 */
function requireShort({ details = "", ...others }: Form): void {
  if (pageBytes(details) > MOST_SHOWN || bytesOf(others) > (details ? MOST_TYPED / 3 : MOST_TYPED))
    throw new AppError(413, `${TOO_LONG} Send it with the API or with pulumi org role.`);
}

const isTooLong = (details: string) => pageBytes(details) > MOST_SHOWN || String(new URLSearchParams({ details })).length > MOST_SENT;

const EXAMPLE = `{
  "__type": "PermissionDescriptorCondition",
  "condition": {
    "__type": "PermissionExpressionEqual",
    "left": { "__type": "PermissionExpressionTag", "context": { "__type": "PermissionExpressionStack" }, "key": "env" },
    "right": { "__type": "PermissionLiteralExpressionString", "value": "dev" }
  },
  "subNode": { "__type": "PermissionDescriptorAllow", "permissions": ["stack:read", "stack:write"] }
}`;

interface Shown {
  form: Form;
  /** Undefined for a new role. */
  role?: RoleInUse;
  sets?: RoleSummary[] | undefined;
  problem?: Problem;
  effects?: DryRun;
}

async function view(ctx: Context, { form, role, sets, problem, effects }: Shown): Promise<View> {
  const { org, page } = ctx;
  const isJson = form["details"] !== undefined;
  const here = role ? placePath(org.name, "roles", role.id, "edit") : placePath(org.name, "roles", "new");
  const title = role ? `Change ${role.name}` : "Create a role";
  const errors = problem?.fields ?? {};
  // A reader who may not see roles does not see the names of permission sets either.
  const offered = isJson ? [] : (sets ?? (page.may("role:read") ? await setsFor(ctx) : []));
  const about = aboutIn(ctx, offered);
  const cannotShow = isJson && role && !problem && !effects && page.query.get("as") !== "json";
  return {
    title,
    at: "roles",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {effects && <Effects of={effects} />}
        {cannotShow && <Notice kind="info">The form cannot show all conditions of this role, so its definition is shown as JSON.</Notice>}
        {isJson && role && !problem && !effects && isTooLong(form["details"]!) ? (
          <Notice kind="warning">{TOO_LONG} Change it with the API or with pulumi org role edit.</Notice>
        ) : (
          <form method="post" action={isJson ? `${here}?as=json` : here}>
            <Field name="name" label="Name" value={form["name"]} error={errors["name"]} required maxlength={100} autofocus />
            <Field
              name="description"
              label="Description"
              value={form["description"]}
              error={errors["description"]}
              maxlength={1000}
              hint="What the role is for. It is shown where people choose a role."
            />
            {!role && (
              <Choice
                name="purpose"
                label="Kind"
                value={form["purpose"] ?? "role"}
                options={[
                  ["role", "Role: for people, teams and tokens"],
                  ["set", "Permission set: to be included in roles"],
                ]}
              />
            )}
            {isJson ? (
              <Area
                name="details"
                label="Definition"
                value={form["details"]}
                rows={24}
                error={errors["details"]}
                hint="A tree of permission descriptors as JSON. It is stored word for word."
              />
            ) : (
              <RightsFields form={form} errors={errors} sets={offered.map((set) => ({ role: set, about: about(set.id) ?? "stack" }))} />
            )}
            <p class="actions">
              <button>{role ? "Save" : "Create role"}</button> {role && <ShowEffects />} {!isJson && <MoreStacks form={form} />}{" "}
              <a href={role ? placePath(org.name, "roles", role.id) : placePath(org.name, "roles")}>Cancel</a>
            </p>
          </form>
        )}
        <p class="faint">
          {isJson ? (
            !role && <a href={here}>Use the form</a>
          ) : (
            <>
              For other conditions, <a href={`${here}?as=json`}>write the definition as JSON</a>.
            </>
          )}
        </p>
      </section>
    ),
  };
}
