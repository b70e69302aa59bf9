/**
 * Which code a deployment runs. `npm run deploy` gives each version of the Worker a tag, `COMMIT.DIGEST`: the commit of the checkout, and a
 * digest of the files that the Worker is made of. The digest is the same only for the same code, also where there is no git.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { root } from "../configuration.ts";

/** The files that the Worker is built from. The check compares settings one by one, so `wrangler.toml` is not among them. */
const PARTS = ["src/**/*", "public/**/*", "migrations/meta/_journal.json", "package-lock.json"];

/** Cloudflare takes a tag of at most 100 bytes. */
const DIGEST_LENGTH = 16;

export interface Release {
  /** Absent where the checkout has no git. */
  commit?: string;
  digest: string;
}

/** The answer of git about this checkout. @returns undefined when git fails, or when there is none */
export function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim() : undefined;
}

/** The release in the checkout. */
export function ownRelease(): Release {
  const hash = createHash("sha256");
  const files = globSync(PARTS, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).sort())
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  const digest = hash.digest("hex").slice(0, DIGEST_LENGTH);
  // A folder without git may be inside of another repository.
  const top = git("rev-parse", "--show-toplevel");
  const commit = top !== undefined && realpathSync(top) === realpathSync(root) ? git("rev-parse", "HEAD") : undefined;
  return { digest, ...(commit !== undefined && { commit }) };
}

export const tagOf = ({ commit, digest }: Release): string => `${commit ?? "unknown"}.${digest}`;

/** Reads the tag of a version. @returns undefined for a tag that `npm run deploy` has not written */
export function releaseOf(tag: string | undefined): Release | undefined {
  const [, commit, digest] = /^([0-9a-f]{40}|unknown)\.([0-9a-f]{16})$/.exec(tag ?? "") ?? [];
  return digest === undefined ? undefined : { digest, ...(commit !== "unknown" && { commit: commit! }) };
}

/** The difference between the release that runs and the one of the checkout, as a sentence. */
export function releaseDifference(running: Release | undefined, own: Release): string | undefined {
  if (running === undefined)
    return "The running version does not say which code it has: an older release, or another command than `npm run deploy`, has deployed it.";
  if (running.digest === own.digest) return undefined;
  const { commit } = running;
  if (commit === undefined || own.commit === undefined) return "The running code is not that of this checkout.";
  if (commit === own.commit)
    return `The running code and this checkout come from the same commit, ${short(commit)}, but one of them was changed after it.`;
  const title = git("log", "-1", "--format=%cs, “%s”", commit);
  if (title === undefined)
    return `The running code is that of commit ${short(commit)}, which this checkout does not have: \`git fetch\` may bring it.`;
  const [behind, ahead] = [git("rev-list", "--count", `${commit}..HEAD`), git("rev-list", "--count", `HEAD..${commit}`)];
  const way = [
    ...(behind !== "0" ? [`commits of this checkout that are not deployed: ${behind}`] : []),
    ...(ahead !== "0" ? [`commits that run and are not in this checkout: ${ahead}`] : []),
  ].join("; ");
  return `The running code is that of commit ${short(commit)} (${title}). ${capital(way)}.`;
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
const short = (commit: string) => commit.slice(0, 10);
