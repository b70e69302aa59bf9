/**
 * `npm run account -- --login LOGIN [--email ADDRESS] [--secrets-file FILE] [--local [--persist-to DIR]]`: creates a person without an
 * organization, and a personal token that is printed once. The pepper must be the deployment's own: in the file of its secrets, or in the
 * environment as TOKEN_PEPPER.
 */
import { personSql } from "./identities.ts";
import { mustBeName, operatorOptions, peppers, save } from "./operator.ts";
import { readOptions } from "./options.ts";

const values = readOptions({ email: { type: "string", default: "" }, ...operatorOptions });
const login = mustBeName("--login", values.login);

const { sql, token } = await personSql(login, values.email, peppers(values), Date.now());
save(sql, [login], values);
console.log(`${login} has an account, and can accept invitations. Personal access token, shown once:\n\n  ${token}\n`);
