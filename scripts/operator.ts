/** Shared parts of the operator's scripts that create people. */
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { LEAST_SECRET, peppersOf } from "../src/auth/secret.ts";
import { fail } from "./fail.ts";
import { newNameFault, newOrgNameFault } from "../src/orgs/newName.ts";
import { takenName } from "./identities.ts";
import { mustBeFreeElsewhere } from "./organizationNames.ts";
import { explain } from "./preflight.ts";
import { executeSql } from "./wrangler.ts";

export const operatorOptions = {
  login: { type: "string" },
  "secrets-file": { type: "string" },
  local: { type: "boolean", default: false },
  "persist-to": { type: "string" },
} as const;

interface Values {
  "secrets-file"?: string | undefined;
  local: boolean;
  "persist-to"?: string | undefined;
}

/** The value of an option with the name of an organization or a person. An invalid name ends the script. */
export function mustBeName(option: string, name: string | undefined): string {
  const fault = (option === "--org" ? newOrgNameFault : newNameFault)(name);
  return fault === undefined ? name! : fail(`${option} ${fault}`);
}

/** The deployment's peppers, current one first. */
export function peppers(values: Values): string[] {
  const found = peppersOf(secretsOf(values)["TOKEN_PEPPER"] ?? "");
  if (found.length === 0)
    fail("The deployment's TOKEN_PEPPER is needed: name the file of its secrets with --secrets-file, or set TOKEN_PEPPER.");
  if (found.some((pepper) => pepper.length < LEAST_SECRET)) fail(`TOKEN_PEPPER needs at least ${LEAST_SECRET} characters in each value.`);
  return found;
}

function secretsOf({ "secrets-file": file }: Values): NodeJS.Dict<string> {
  if (file === undefined) return process.env;
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    return fail(`--secrets-file cannot be read: ${(error as Error).message}`);
  }
}

/** Writes people into the directory. Ends the script when one of the names is already used, or when a database cannot be reached. */
export function save(sql: string, names: string[], values: Values): void {
  mustBeFreeElsewhere(names, values);
  const { code, output } = executeSql(sql, values);
  if (code === 0) return;
  fail(takenName(output) ?? explain(output));
}
