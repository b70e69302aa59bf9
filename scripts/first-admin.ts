/**
 * `npm run first-admin -- --org NAME --login LOGIN [--existing] [--secrets-file FILE] [--local [--persist-to DIR]]`: creates the first account
 * of a new deployment: the organization, the person as its administrator, and a personal token that is printed once. With `--existing` it adds
 * a new administrator to an organization whose administrators cannot sign in any more. The pepper must be the deployment's own: in the file of
 * its secrets, or in the environment as TOKEN_PEPPER.
 */
import { administratorSql } from "./administrator.ts";
import { fail } from "./fail.ts";
import { identitiesSql } from "./identities.ts";
import { mustBeName, operatorOptions, peppers, save } from "./operator.ts";
import { readOptions } from "./options.ts";

const values = readOptions({ org: { type: "string" }, existing: { type: "boolean", default: false }, ...operatorOptions });
const { org, login } = { org: mustBeName("--org", values.org), login: mustBeName("--login", values.login) };
if (org.toLowerCase() === login.toLowerCase())
  fail("--org and --login must be different, because the audit log records actions of organization tokens under the organization's name");

if (values.existing) {
  const { sql, token } = await administratorSql(org, login, peppers(values), Date.now());
  save(sql, [login], values);
  console.log(
    `${login} is an administrator of ${org} who needs no single sign-on. Personal access token, shown once, valid for a day:\n\n  ${token}\n`,
  );
} else {
  const { sql, tokens } = await identitiesSql({ [org]: { [login]: "admin" } }, peppers(values), Date.now());
  save(sql, [org, login], values);
  console.log(`${login} is the administrator of ${org}. Personal access token, shown once:\n\n  ${tokens[org]?.[login]}\n`);
}
