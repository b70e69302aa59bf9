import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleSaml } from "../../scripts/samlBundle.ts";

export const SAML_WORKER = "stackpass-saml";

/** The second Worker, as it is deployed, for miniflare. */
export function samlWorker() {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-saml-"));
  try {
    bundleSaml(folder);
    return {
      name: SAML_WORKER,
      modules: [{ type: "ESModule" as const, path: "index.js", contents: readFileSync(join(folder, "index.js"), "utf8") }],
      compatibilityDate: "2026-10-01",
      compatibilityFlags: ["nodejs_compat"],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
