/** Names of organizations in a deployment with several databases (docs/scale.md): each database only knows its own. */
import { configuration, databasesOf } from "./configuration.ts";
import { fail } from "./fail.ts";
import { type Where, mustWrangle, whichDeployment } from "./wrangler.ts";

/** Bindings of the databases that have an organization of one of the names, in upper or lower case. The names contain no quotes. */
const having = (bindings: string[], names: string[], where: Where): string[] =>
  bindings.filter((binding) => {
    const list = names.map((name) => `'${name.toLowerCase()}'`).join(", ");
    const sql = `SELECT count(*) AS organizations FROM organizations WHERE lower(name) IN (${list})`;
    const output = mustWrangle(["d1", "execute", binding, ...whichDeployment(where), "--json", "--command", sql]);
    const [, count] =
      /"organizations":\s*(\d+)/.exec(output) ?? fail(`the database ${binding} has not answered the question for an organization`);
    return Number(count) > 0;
  });

/** The binding of the only database that can have the organization. Ends the script if no database has it, or several ones. */
export function databaseOf(org: string, where: Where): string {
  const all = databasesOf(configuration());
  if (all.length < 2) return all[0]!;
  const [only, ...others] = having(all, [org], where);
  if (only === undefined) fail(`there is no organization ${org}`);
  if (others.length > 0)
    fail(`the databases ${[only, ...others].join(" and ")} have an organization ${org} each: rename one of them first`);
  return only;
}

/** Ends the script if an organization outside of the directory has one of the names. The directory itself refuses its own. */
export function mustBeFreeElsewhere(names: string[], where: Where): void {
  const [, ...others] = databasesOf(configuration());
  const taken = having(others, names, where);
  if (taken.length > 0) fail(`an organization in the database ${taken[0]} has the name ${names.join(" or ")}: choose another one`);
}
