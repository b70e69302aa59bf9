/**
 * `npm run account -- --login LOGIN [--email ADDRESS] [--local [--persist-to DIR]]`: a person, in no organization yet, with a personal
 * token that is printed once. The pepper must be the deployment's own: in the environment as TOKEN_PEPPER.
 */
import { parseArgs } from "node:util";
import { LEAST_SECRET, peppersOf } from "../src/auth/secret.ts";
import { owner, personSql } from "./identities.ts";
import { executeSql } from "./wrangler.ts";

const { values } = parseArgs({
  options: {
    login: { type: "string" },
    email: { type: "string", default: "" },
    local: { type: "boolean", default: false },
    "persist-to": { type: "string" },
  },
});
const { login = "", email } = values;
if (!owner.test(login)) fail("--login is needed: 3 to 40 letters, digits, - or _");
const peppers = peppersOf(process.env["TOKEN_PEPPER"] ?? "");
if (peppers.length === 0) fail("set TOKEN_PEPPER to the deployment's secret of that name");
if (peppers.some((pepper) => pepper.length < LEAST_SECRET)) fail(`TOKEN_PEPPER has less than ${LEAST_SECRET} characters`);

const { sql, token } = await personSql(login, email, peppers, Date.now());
executeSql(sql, values);
console.log(`${login} has an account, and can accept invitations. Personal access token, shown once:\n\n  ${token}\n`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
