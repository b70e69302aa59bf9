/** The second Worker, which reads the XML of SAML: its configuration and its bundle. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, wrangler } from "./wrangler.ts";

export const SAML_CONFIG = "wrangler.saml.toml";

const textOf = (file: string) => readFileSync(join(root, file), "utf8");

/** The name under which the second Worker is deployed. */
export const samlName = (): string => /^name = "([^"]+)"/m.exec(textOf(SAML_CONFIG))![1]!;

/** `wrangler.toml` with the binding of the second Worker. */
export function configWithSaml(): string {
  const config = textOf("wrangler.toml");
  // An operator may have put the binding there.
  if (/binding = "SAML"/.test(config.replaceAll(/^#.*$/gm, ""))) return config;
  return `${config}\n[[services]]\nbinding = "SAML"\nservice = "${samlName()}"\n`;
}

/** A configuration is read with the paths of its own folder, so this one is beside the others for as long as the process runs. @returns its name */
export function writeConfigWithSaml(): string {
  const name = "wrangler.with-saml.toml";
  const file = join(root, name);
  writeFileSync(file, configWithSaml());
  process.once("exit", () => rmSync(file, { force: true }));
  return name;
}

/** Bundles the second Worker. @returns the source, esbuild's metafile, and the size in KiB, compressed */
export function bundleSaml(): { source: string; metafile: string; gzip: number } {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-saml-"));
  try {
    const { code, output } = wrangler([
      "deploy",
      "--config",
      SAML_CONFIG,
      "--dry-run",
      "--outdir",
      folder,
      "--metafile",
      join(folder, "meta.json"),
    ]);
    if (code !== 0) throw new Error(output);
    return {
      source: readFileSync(join(folder, "index.js"), "utf8"),
      metafile: readFileSync(join(folder, "meta.json"), "utf8"),
      gzip: Number(/gzip: ([\d.]+) KiB/.exec(output)?.[1]),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The second Worker as it is deployed, for miniflare. */
export const samlWorker = () => ({
  name: samlName(),
  modules: [{ type: "ESModule" as const, path: "index.js", contents: bundleSaml().source }],
  compatibilityDate: /^compatibility_date = "([^"]+)"/m.exec(textOf(SAML_CONFIG))![1]!,
  compatibilityFlags: ["nodejs_compat"],
});
