import { cut, fill, pageBytes } from "../../http/pageText.ts";
import { builtInRoles, findRole } from "../../roles/builtIn.ts";
import { summarizeRoles } from "../../roles/summaries.ts";
import { tokenRoles } from "../../tokens/table.ts";
import { canBeHeld } from "../roles/detail.tsx";
import type { IssuerContext } from "./frame.tsx";

/** Maximum number of bytes of the custom roles in a selection. */
const ROOM = 12_000;

type Offer = readonly [id: string, name: string];

/** The roles that a form offers for organization tokens, besides Member. @param chosen the stored one is always offered */
export async function offeredRoles(ctx: IssuerContext, chosen: string | undefined): Promise<Offer[]> {
  const all = ctx.page.may("role:read") ? await summarizeRoles(ctx) : [];
  const custom = all.filter((role) => role.isCustom && canBeHeld(role)).map((role): Offer => [role.id, cut(role.name, 100)]);
  const offers: Offer[] = [
    ...tokenRoles.filter((role) => role !== "member" && role !== "admin").map((role): Offer => [role, builtInRoles[role].name]),
    ...fill(custom, ROOM, ([id, name]) => id.length + pageBytes(name) + 30).shown,
    ["admin", builtInRoles.admin.name],
  ];
  if (!chosen || offers.some(([id]) => id === chosen)) return offers;
  return [[chosen, custom.find(([id]) => id === chosen)?.[1] ?? nameOfBuiltIn(ctx, chosen) ?? `the role ${cut(chosen, 200)}`], ...offers];
}

const nameOfBuiltIn = (ctx: IssuerContext, id: string): string | undefined => {
  const role = findRole(ctx.org.id, id);
  return role && builtInRoles[role].name;
};

/** The names of these roles, by id. A role that the reader may not know, or that is gone, has none. */
export async function namesOfRoles(ctx: IssuerContext, ids: (string | undefined)[]): Promise<(id: string) => string> {
  const unknown = ids.some((id) => id !== undefined && !findRole(ctx.org.id, id));
  const names = new Map(unknown && ctx.page.may("role:read") ? (await summarizeRoles(ctx)).map(({ id, name }) => [id, name]) : []);
  return (id) => nameOfBuiltIn(ctx, id) ?? names.get(id) ?? id;
}
