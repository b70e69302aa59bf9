/** The second Worker, which reads the XML of SAML: its bundle. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SAML_CONFIG, configuration, configurationFile } from "./configuration.ts";
import { wrangler } from "./wrangler.ts";

/** Bundles the second Worker. @returns the source, esbuild's metafile, and the size in KiB, compressed */
export function bundleSaml(): { source: string; metafile: string; gzip: number } {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-saml-"));
  try {
    const { code, output } = wrangler([
      "deploy",
      "--config",
      configurationFile(SAML_CONFIG),
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
  name: configuration(SAML_CONFIG).name,
  modules: [{ type: "ESModule" as const, path: "index.js", contents: bundleSaml().source }],
  compatibilityDate: String(configuration(SAML_CONFIG)["compatibility_date"]),
  compatibilityFlags: ["nodejs_compat"],
});
