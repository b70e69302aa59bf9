/** Files for secrets: new ones outside of this checkout, where git cannot add them. */
import { realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fail } from "./fail.ts";
import { root } from "./wrangler.ts";

/** The real path of a file outside of this checkout. Another path ends the script. @param option that names the file */
export function newFileOutside(option: string, path: string | undefined): string {
  if (!path) return fail(`${option} is needed: a new file outside of this checkout, as in ${option} ~/stackpass.secrets`);
  const file = realPath(resolve(path));
  if (isInside(realpathSync(root), file))
    return fail(`${file} is inside of this checkout, where git could add it: choose a path outside of ${root}`);
  return file;
}

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

/** Writes a file that only its owner can read. A file that exists ends the script. */
export function writeNewFile(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      fail(`${path} exists and was not changed: with other secrets, a deployment that uses it could not read its tokens and secrets`);
    throw error;
  }
}
