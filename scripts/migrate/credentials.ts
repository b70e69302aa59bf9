/** Tokens of the two servers: from the environment, or from the CLI's own file. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The token that `pulumi login URL` has stored. */
export function storedToken(url: string, env: NodeJS.Dict<string> = process.env): string | undefined {
  const folder = env["PULUMI_CREDENTIALS_PATH"] ?? env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  try {
    const { accessTokens } = JSON.parse(readFileSync(join(folder, "credentials.json"), "utf8")) as {
      accessTokens?: Record<string, string>;
    };
    return accessTokens && Object.hasOwn(accessTokens, url) ? accessTokens[url] : undefined;
  } catch {
    return undefined;
  }
}

const hidden = new Set<string>();

/** From now on `printable` removes this value from texts. */
export function hide(value: string | undefined): string | undefined {
  // A short value would be found in other words, too.
  if (value && value.length >= 4) hidden.add(value);
  return value;
}

/** A message of another program or server for the terminal: one line, without the tokens and the passphrase of this run. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  [...hidden].reduce((rest, value) => rest.replaceAll(value, "[secret]"), text).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
