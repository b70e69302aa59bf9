/**
 * `npm run secrets -- --to FILE`: generates the two secrets that a deployment needs, into a new file outside of this checkout that only its
 * owner can read. It does not print the values.
 */
import { realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fail } from "./fail.ts";
import { newSecrets } from "./newSecrets.ts";
import { readOptions } from "./options.ts";
import { root } from "./wrangler.ts";

const values = readOptions({ to: { type: "string" } });
if (!values.to) fail("--to is needed: a new file outside of this checkout, as in --to ~/stackpass.secrets");
const file = realPath(resolve(values.to));
if (isInside(realpathSync(root), file))
  fail(`${file} is inside of this checkout, where git could add it: choose a path outside of ${root}`);
write(file);
console.log(`Two secrets are in ${file}, which only you can read.

  npm run deploy -- --secrets-file ${file}

Keep a copy in a safe place. Without it, all tokens are invalid and no secret can be decrypted.`);

/** The real path of the file: a link in its path may lead into the checkout. */
function realPath(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return fail(`the folder ${dirname(path)} does not exist`);
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith("..") && !isAbsolute(way);
}

function write(path: string): void {
  try {
    writeFileSync(path, newSecrets(), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      fail(`${path} exists and was not changed: with other secrets, a deployment that uses it could not read its tokens and secrets`);
    throw error;
  }
}
