import type { OrgContext } from "../../context.ts";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { BuiltInRole } from "../../roles/builtIn.ts";
import { type RoleSummary, summarizeRoles } from "../../roles/summaries.ts";
import type { PageInput } from "../page.tsx";
import { canBeHeld } from "./detail.tsx";
import { InShort, inShort } from "./opens.tsx";

/** Maximum number of bytes of the custom roles in a form, if nothing else on the page is long. */
const ROOM = 40_000;
/** Bytes of the markup around a choice. */
const MARKUP = 300;

/** A role that a form offers. */
export interface RoleChoice {
  /** The name of a built-in role, or the id of a custom role. */
  value: string;
  role: RoleSummary;
}

/**
 * The roles that a form may offer: the built-in ones of a list, and the custom ones if the reader may see roles.
 * @param plainMember whether the choice `member` gives the built-in role or the organization's default role
 */
export async function roleChoices(
  ctx: OrgContext & { page: PageInput },
  builtIn: readonly BuiltInRole[],
  plainMember: "built-in" | "default",
): Promise<RoleChoice[]> {
  const all = await summarizeRoles(ctx);
  const standard = all.find((role) => role.isCustom && role.isDefault);
  const own = builtIn.flatMap((name) =>
    all
      .filter((role) => role.builtIn === name)
      .map((role) => {
        const given = name === "member" && plainMember === "default" ? standard : undefined;
        return { value: name as string, role: given ? { ...role, name: `${given.name}, the default role`, grants: given.grants } : role };
      }),
  );
  const custom = all.filter((role) => role.isCustom && canBeHeld(role)).map((role) => ({ value: role.id, role }));
  return ctx.page.may("role:read") ? [...own, ...custom] : own;
}

interface Props {
  name: string;
  legend: string;
  value: string | undefined;
  choices: RoleChoice[];
  error?: string | undefined;
  /** The warning beside the role Admin: it says what a holder of this kind can do with that role. */
  warning?: string;
  /** Maximum number of bytes of the custom roles. */
  room?: number;
}

/** One role of several, each with what it opens. The role Admin comes last, with a warning. */
export const RolePicker = ({ name, legend, value, choices, error, warning, room = ROOM }: Props) => {
  const admin = choices.find(({ value: one }) => one === "admin");
  const chosen = choices.find((one) => one.value === value);
  const others = choices.filter((one) => one !== admin && one !== chosen);
  const { shown, more } = fill(others, room, ({ role }) => MARKUP + pageBytes([role.name, ...inShort(role)].join("")));
  const listed = choices.filter((one) => one !== admin && (one === chosen || shown.includes(one)));
  const Option = ({ one }: { one: RoleChoice }) => (
    <label class="plain choice">
      <input type="radio" name={name} value={one.value} checked={one.value === value} required />
      <span>
        <strong>{cut(one.role.name, 150)}</strong>
        <InShort role={one.role} />
      </span>
    </label>
  );
  return (
    <fieldset>
      <legend>{legend}</legend>
      {listed.map((one) => (
        <Option one={one} />
      ))}
      {more > 0 && <p class="hint">{more} more roles do not fit on this page. Give them with the API or the CLI.</p>}
      {admin && (
        <div class="apart">
          <Option one={admin} />
          {warning && <p class="hint warn">{warning}</p>}
        </div>
      )}
      {error && <p class="wrong">{error}</p>}
    </fieldset>
  );
};
