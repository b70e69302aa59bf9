/**
 * Licences of the project's dependencies, read from the lock file and from the installed packages, without network. Packages in the
 * Worker's bundle are distributed with it; all others are tools that only developers run.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./wrangler.ts";

const inBundle = new Set(["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"]);
/** Tools are not distributed, so these licences are allowed for them as well. */
const inTools = new Set([...inBundle, "CC0-1.0", "LGPL-3.0-or-later", "MPL-2.0"]);

export interface Dependency {
  name: string;
  version: string;
  /** As an SPDX expression; "" when the package has none. */
  licence: string;
  bundled: boolean;
}

interface Locked {
  version?: string;
  license?: string;
  optionalDependencies?: Record<string, string>;
}

const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** esbuild's metafile of the second Worker; `npm run check` writes it. */
export const SAML_METAFILE = join(root, "dist/saml-meta.json");

/** @param metafiles esbuild's metafiles, which list the contents of the bundles */
export function dependencies(metafiles = [join(root, "dist/meta.json"), ...[SAML_METAFILE].filter(existsSync)]): Dependency[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };
  const bundled = new Set(metafiles.flatMap((metafile) => [...bundledPaths(metafile)]));
  return Object.entries(packages)
    .filter(([path]) => path.includes("node_modules/"))
    .map(([path, locked]) => ({
      name: nameOf(path),
      version: locked.version ?? "",
      licence: locked.license ?? installed(path) ?? parentOf(nameOf(path), packages)?.license ?? "",
      bundled: bundled.has(path),
    }));
}

/** Packages with a part in the bundle, by their path in the lock file. */
function bundledPaths(metafile: string): Set<string> {
  const { outputs } = JSON.parse(readFileSync(metafile, "utf8")) as { outputs: Record<string, { inputs: Record<string, unknown> }> };
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  return new Set(
    inputs
      .flatMap((input) => /(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [])
      .map((path) => path.slice(path.indexOf("node_modules/"))),
  );
}

function installed(path: string): string | undefined {
  const file = join(root, path, "package.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { license?: string }).license;
}

/** For a binary of another platform the lock file may contain no licence: then the licence of the package that depends on it counts. */
const parentOf = (name: string, packages: Record<string, Locked>) =>
  Object.values(packages).find((locked) => locked.optionalDependencies && name in locked.optionalDependencies);

/** `A OR B`: one of them must be allowed; `A AND B`: both must. */
const isAllowed = (licence: string, allowed: ReadonlySet<string>) =>
  licence
    .replaceAll(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((one) => allowed.has(one)));

/** Packages whose licence is not on the list, as messages. */
export const licenceFaults = (all = dependencies()): string[] =>
  all
    .filter(({ licence, bundled }) => !isAllowed(licence, bundled ? inBundle : inTools))
    .map(({ name, version, licence, bundled }) => `${name}@${version}${bundled ? ", in the bundle" : ""}: ${licence || "no licence"}`);
