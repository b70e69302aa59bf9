/**
 * `npm run deploy [-- --env NAME] [--secrets-file FILE | --secrets-to FILE] [--saml] [--dry-run | --check]`: applies the migrations first,
 * then deploys the code that needs them. At the very first deployment there is no database: the deployment creates it, and the migrations follow
 * (platform-facts P-3). A new deployment gets its secrets from `--secrets-file`, or new ones; `--secrets-to` writes a copy of new ones into
 * a file. `--saml` deploys the second Worker before the first one, and binds it to the first one. `--check`
 * changes nothing, and reports what differs between the deployment and the checkout. Other options go to wrangler.
 */
import { SAML_CONFIG, configuration, configurationFile, databasesOf } from "./configuration.ts";
import { environment } from "./environment.ts";
import { newOperatorToken, newSecrets } from "./newSecrets.ts";
import { check } from "./deploy/check.ts";
import { ownRelease, tagOf } from "./deploy/release.ts";
import { explain, hintFor, lacksSecrets, mustHaveAccount, mustHaveResources } from "./preflight.ts";
import { fail } from "./fail.ts";
import { newFileOutside, writeNewFile } from "./secretsFile.ts";
import { type Ended, showWrangler, wrangler } from "./wrangler.ts";

const migrate = (binding: string) => ["d1", "migrations", "apply", binding, "--remote"];
const [directory = "DB", ...others] = databasesOf(configuration());
const asked = process.argv.slice(2);
const asksFor = takeValue("--secrets-to");
const copy = asksFor === undefined ? undefined : newFileOutside("--secrets-to", asksFor);
const withSaml = takeFlag("--saml");
const takesCheck = takeFlag("--check");
const isDryRun = asked.includes("--dry-run");
const hasSecretsFile = asked.some((arg) => arg.startsWith("--secrets-file"));
/** `--check` reads the tag of the running version. */
const tag = asked.some((arg) => arg.startsWith("--tag")) ? [] : ["--tag", tagOf(ownRelease())];
const args = [...asked, ...(withSaml ? ["--config", configurationFile(undefined, { saml: true })] : [])];
if (takesCheck) {
  if (asked.length > 0) fail(`--check takes no other options than --env and --saml: leave out ${asked.join(" ")}`);
  process.exit(check(withSaml));
}
if (isDryRun) {
  if (withSaml)
    must(
      "The dry run of the second Worker failed.",
      await showWrangler(["deploy", "--config", configurationFile(SAML_CONFIG), "--outdir", "dist/saml", "--dry-run"]),
    );
  must("The dry run failed.", await showWrangler(["deploy", "--outdir", "dist", ...args]));
} else await deploy();

async function deploy(): Promise<void> {
  mustHaveAccount();
  console.log("Applying migrations…");
  // The databases that the deployment creates: all of a first one, or one that was added.
  const missing = [directory, ...others].filter((binding) => !applies(binding));
  const isFirst = missing.includes(directory);
  if (isFirst) {
    console.log("There is no database yet, so this is the first deployment: it creates what is missing, and the tables follow.");
    mustHaveResources();
  }
  if (withSaml)
    must(
      "The second Worker, for SAML, was not deployed, and neither was the first one.",
      await showWrangler(["deploy", "--config", configurationFile(SAML_CONFIG)]),
    );
  if (isFirst && !hasSecretsFile) return withNewSecrets(missing);
  const deployed = await showWrangler(["deploy", ...args, ...tag]);
  // An earlier first deployment may have ended after it had created the database.
  if (lacksSecrets(deployed) && !hasSecretsFile && isEmpty(missing)) return withNewSecrets(missing);
  must("The deployment failed.", deployed);
  await createTables(missing);
  if (isFirst) console.log("\nNext: create the first administrator, see docs/operate.md.");
}

/** Generates secrets, deploys with them, and prints the next step of the operator. */
async function withNewSecrets(missing: string[]): Promise<void> {
  console.log("The deployment has no secrets and no data, so it gets new secrets.");
  const secrets = newSecrets();
  // A log of CI keeps what is printed, and everybody who reads it could set the deployment up.
  const token = process.stdout.isTTY ? newOperatorToken() : undefined;
  if (copy !== undefined) writeNewFile(copy, secrets);
  const given = token === undefined ? secrets : `${secrets}OPERATOR_TOKEN=${token}\n`;
  const deployed = await showWrangler(["deploy", ...args, "--secrets-file", "/dev/stdin", ...tag], given);
  must("The deployment failed.", deployed, copy && `The new secrets are in ${copy}: deploy again with --secrets-file ${copy}.`);
  await createTables(missing);
  const setup = `${addressIn(deployed.output)}/setup`;
  const put = ["npx wrangler secret put OPERATOR_TOKEN", ...(environment ? ["--name", configuration().name] : [])].join(" ");
  console.log(`
${copy === undefined ? "Only Cloudflare has the new secrets, and shows them to nobody." : `A copy of the new secrets is in ${copy}. Keep it in a safe place.`}

Next: ${token === undefined ? `set a token of the operator with \`${put}\`, and open ${setup}.` : `open ${setup} and enter this token of the operator, which is shown only once:\n\n  ${token}`}`);
}

/** Applies the migrations to a database. @returns false if it does not exist yet */
function applies(binding: string): boolean {
  const applied = wrangler(migrate(binding));
  if (applied.code !== 0 && applied.output.includes("Couldn't find a D1 DB named")) return false;
  must("The migrations failed. Nothing was deployed.", applied, explain(applied.output));
  process.stdout.write(applied.output);
  return true;
}

async function createTables(missing: string[]): Promise<void> {
  for (const binding of missing)
    must("The code is deployed, but the migrations are not applied. Run `npm run deploy` again.", await showWrangler(migrate(binding)));
}

/** Whether nobody has data in a database that exists. Data that was encrypted with lost secrets must not get others. */
function isEmpty(missing: string[]): boolean {
  const isEmptyIn = (binding: string, table: string) => {
    const query = `SELECT count(*) AS people FROM ${table}`;
    const { code, output } = wrangler(["d1", "execute", binding, "--remote", "--json", "--command", query]);
    return code === 0 && /"people":\s*0\b/.test(output);
  };
  // The databases beside the directory have no people (docs/scale.md).
  const found = others.filter((binding) => !missing.includes(binding));
  return isEmptyIn(directory, "users") && found.every((binding) => isEmptyIn(binding, "organizations"));
}

/** The address of the deployment: the one that its settings name, its domain, or the one that wrangler prints. */
function addressIn(output: string): string {
  const { vars, routes } = configuration();
  const route = routes?.find((one) => one.custom_domain);
  if (typeof vars?.["PUBLIC_URL"] === "string") return vars["PUBLIC_URL"];
  return route
    ? `https://${route.pattern}`
    : (/https:\/\/[\w.-]+\.workers\.dev/.exec(output)?.[0] ?? "https://the-address-of-the-deployment");
}

function takeFlag(name: string): boolean {
  const at = asked.indexOf(name);
  if (at >= 0) asked.splice(at, 1);
  return at >= 0;
}

function takeValue(name: string): string | undefined {
  const at = asked.indexOf(name);
  return at < 0 ? undefined : asked.splice(at, 2)[1];
}

/** Ends the script when wrangler has failed. @param about a message after wrangler's own output, which was shown */
function must(failure: string, { code, output }: Ended, about = hintFor(output)): void {
  if (code === 0) return;
  console.error(["", failure, about].filter((line) => line !== undefined).join("\n"));
  process.exit(code);
}
