import { join } from "node:path";
import { root, wrangler } from "./wrangler.ts";

export const SAML_CONFIG = join(root, "wrangler.saml.toml");

/** Bundles the second Worker, which reads the XML of SAML. @returns the folder with `index.js` */
export function bundleSaml(folder = join(root, "dist/saml")): string {
  const { code, output } = wrangler(["deploy", "--dry-run", "--config", SAML_CONFIG, "--outdir", folder]);
  if (code !== 0) throw new Error(output);
  return folder;
}
