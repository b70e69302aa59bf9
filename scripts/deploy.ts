/**
 * `npm run deploy [-- --secrets-file FILE] [-- --dry-run] [-- --saml]`: applies the migrations first, then deploys the code that needs
 * them. At the very first deployment there is no database: the deployment creates it, and the migrations follow (platform-facts P-3).
 * `--saml` deploys the second Worker before the first one, and binds it to the first one.
 */
import { explain, hintFor, mustHaveAccount, mustHaveBuckets } from "./preflight.ts";
import { SAML_CONFIG, writeConfigWithSaml } from "./samlBundle.ts";
import { type Ended, showWrangler, wrangler } from "./wrangler.ts";

const migrate = ["d1", "migrations", "apply", "DB", "--remote"];
const asked = process.argv.slice(2);
const withSaml = asked.includes("--saml");
const args = [...asked.filter((arg) => arg !== "--saml"), ...(withSaml ? ["--config", writeConfigWithSaml()] : [])];
if (asked.includes("--dry-run")) {
  if (withSaml)
    must(
      "The dry run of the second Worker failed.",
      await showWrangler(["deploy", "--config", SAML_CONFIG, "--outdir", "dist/saml", "--dry-run"]),
    );
  must("The dry run failed.", await showWrangler(["deploy", "--outdir", "dist", ...args]));
} else await deploy();

async function deploy(): Promise<void> {
  mustHaveAccount();
  console.log("Applying migrations…");
  const applied = wrangler(migrate);
  const isFirst = applied.code !== 0 && applied.output.includes("Couldn't find a D1 DB named");
  if (isFirst) {
    console.log("There is no database yet, so this is the first deployment: it creates what is missing, and the tables follow.");
    mustHaveBuckets();
  } else {
    must("The migrations failed. Nothing was deployed.", applied, explain(applied.output));
    process.stdout.write(applied.output);
  }
  if (withSaml)
    must(
      "The second Worker, for SAML, was not deployed, and neither was the first one.",
      await showWrangler(["deploy", "--config", SAML_CONFIG]),
    );
  must("The deployment failed.", await showWrangler(["deploy", ...args]));
  if (!isFirst) return;
  must("The code is deployed, but the migrations are not applied. Run `npm run deploy` again.", await showWrangler(migrate));
  console.log("\nNext: create the first administrator, see docs/operate.md.");
}

/** Ends the script when wrangler has failed. @param about a message after wrangler's own output, which was shown */
function must(failure: string, { code, output }: Ended, about = hintFor(output)): void {
  if (code === 0) return;
  console.error(["", failure, about].filter((line) => line !== undefined).join("\n"));
  process.exit(code);
}
