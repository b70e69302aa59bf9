/**
 * `npm run first-admin -- --org NAME --login LOGIN [--local [--persist-to DIR]]`: the one way into a new deployment.
 * Makes the organization, the person as its administrator, and a personal token that is printed once. The pepper must be
 * the deployment's own: in the environment as TOKEN_PEPPER.
 */
import { parseArgs } from "node:util";
import { LEAST_SECRET, peppersOf } from "../src/auth/secret.ts";
import { identitiesSql, owner } from "./identities.ts";
import { executeSql } from "./wrangler.ts";

const { values } = parseArgs({
  options: {
    org: { type: "string" },
    login: { type: "string" },
    local: { type: "boolean", default: false },
    "persist-to": { type: "string" },
  },
});
const { org = "", login = "" } = values;
if (!owner.test(org) || !owner.test(login)) fail("--org and --login are needed: 3 to 40 letters, digits, - or _");
if (org.toLowerCase() === login.toLowerCase()) fail("--org and --login must differ: what machines do is told in the organization's name");
const peppers = peppersOf(process.env["TOKEN_PEPPER"] ?? "");
if (peppers.length === 0) fail("set TOKEN_PEPPER to the deployment's secret of that name");
if (peppers.some((pepper) => pepper.length < LEAST_SECRET)) fail(`TOKEN_PEPPER has less than ${LEAST_SECRET} characters`);

const { sql, tokens } = await identitiesSql({ [org]: { [login]: "admin" } }, peppers, Date.now());
executeSql(sql, values);
console.log(`${login} is the administrator of ${org}. Personal access token, shown once:\n\n  ${tokens[org]?.[login]}\n`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
