import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type IssuedTokens, identitiesSql } from "./identities.ts";
import { mustWrangle } from "./wrangler.ts";

/** What `stackpass-dev.json` says. */
export interface DevCredentials {
  url: string;
  organizations: IssuedTokens;
}

/** Secrets of this folder's server, made once: they must outlive restarts, or no token would be known again. */
export function secretsFile(directory: string): string {
  const file = join(directory, "secrets.env");
  mkdirSync(directory, { recursive: true });
  if (!existsSync(file)) {
    const secrets = [`TOKEN_PEPPER=${randomBytes(32).toString("base64url")}`, `ENCRYPTION_KEYS=1:${randomBytes(32).toString("base64url")}`];
    writeFileSync(file, `${secrets.join("\n")}\n`, { mode: 0o600 });
  }
  return file;
}

const pepperIn = (file: string) => /^TOKEN_PEPPER=(.*)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? "";

/**
 * Makes a folder ready for a local server: tables, and once the organizations `acme` (an administrator, a member) and
 * `globex` (its own administrator). Running it again only applies new migrations.
 */
export async function prepare(directory: string, url: string): Promise<DevCredentials> {
  const secrets = secretsFile(directory);
  const local = ["--local", "--persist-to", directory];
  mustWrangle(["d1", "migrations", "apply", "DB", ...local]);

  const file = join(directory, "stackpass-dev.json");
  if (existsSync(file)) {
    const known = { ...(JSON.parse(readFileSync(file, "utf8")) as DevCredentials), url };
    writeFileSync(file, `${JSON.stringify(known, null, 2)}\n`, { mode: 0o600 });
    return known;
  }
  // People are users of the whole service, so their logins differ between organizations.
  const { sql, tokens } = await identitiesSql(
    { acme: { ada: "admin", mel: "member" }, globex: { gus: "admin" } },
    [pepperIn(secrets)],
    Date.now(),
  );
  const sqlFile = join(directory, "seed.sql");
  writeFileSync(sqlFile, sql, { mode: 0o600 });
  mustWrangle(["d1", "execute", "DB", ...local, "--yes", "--file", sqlFile]);
  const credentials: DevCredentials = {
    url,
    organizations: {
      acme: { admin: tokens["acme"]!["ada"]!, member: tokens["acme"]!["mel"]! },
      globex: { admin: tokens["globex"]!["gus"]! },
    },
  };
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}
