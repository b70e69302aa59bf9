/** Requirements of the Cloudflare account, with a message for each that is missing: docs/operate.md, "Before you begin". */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, errorIn, root, wrangler } from "./wrangler.ts";

const LOG_IN = "You are not logged in to Cloudflare. Log in with `npx wrangler login`, or put an API token into CLOUDFLARE_API_TOKEN.";
const ENABLE_R2 =
  "R2 is not enabled in this account. Enable it once in the dashboard, under R2 Object Storage: it asks for a payment method.";

/** Wrangler runs without prompts, so it asks for an API token where a login would be enough. */
const NOT_LOGGED_IN = /Not logged in|necessary to set a CLOUDFLARE_API_TOKEN/i;

const LACKS_SECRETS = /required secrets have not been set/i;

const hints: { fits: RegExp; hint: string }[] = [
  { fits: /More than one account/i, hint: "Put the id of the account into CLOUDFLARE_ACCOUNT_ID." },
  { fits: /enable R2|\[code: 10042\]/i, hint: ENABLE_R2 },
  {
    fits: /workers\.dev subdomain/i,
    hint: "The account has no workers.dev name yet. Open Workers & Pages once in the dashboard, or set a domain in wrangler.toml.",
  },
  {
    fits: LACKS_SECRETS,
    hint: "The database has data that was written with the secrets of this deployment. Deploy with the file that has them: `npm run deploy -- --secrets-file FILE`.",
  },
  {
    fits: /workers paid|paid plan|upgrade your plan|not available on (the |your )?free/i,
    hint: "The plan of this account does not have what the deployment needs. Choose Workers Paid in the dashboard, under Workers & Pages, Plans.",
  },
  {
    fits: /\[code: (10000|10001|9109)\]|not authorized/i,
    hint: "The login or API token lacks a permission, or belongs to another account. docs/operate.md lists the permissions that a token needs.",
  },
];

/** Whether a deployment failed because the Worker has no secrets. */
export const lacksSecrets = ({ code, output }: Ended): boolean => code !== 0 && LACKS_SECRETS.test(output);

/** The advice for a failure of wrangler; undefined when its own message is enough. */
export const hintFor = (output: string): string | undefined => hints.find(({ fits }) => fits.test(output))?.hint;

/** The message of wrangler's failure, with advice where the cause is known. */
export const explain = (output: string): string =>
  NOT_LOGGED_IN.test(output) ? LOG_IN : [errorIn(output), hintFor(output)].filter(Boolean).join("\n\n");

interface Identity {
  loggedIn: boolean;
  accounts?: { name: string; id: string }[];
}

/** Ends the script if it is not clear which account is meant. */
export function mustHaveAccount(): void {
  const identity = readIdentity(wrangler(["whoami", "--json"]).output);
  // An API token of CI may be unable to list its accounts, but able to deploy.
  if (!identity) return;
  if (!identity.loggedIn) stop(LOG_IN);
  const chosen = process.env["CLOUDFLARE_ACCOUNT_ID"] || /^account_id\b/m.test(readFileSync(join(root, "wrangler.toml"), "utf8"));
  const accounts = identity.accounts ?? [];
  if (chosen || accounts.length < 2) return;
  stop(
    "This login has several accounts. Choose one:",
    ...accounts.map(({ name, id }) => `  export CLOUDFLARE_ACCOUNT_ID=${id}   # ${name}`),
  );
}

/** The resources that a first deployment creates, and the commands that read them. The database was asked for before. */
const NEEDED: [what: string, command: string[]][] = [
  ["buckets (R2)", ["r2", "bucket", "list"]],
  ["KV namespaces", ["kv", "namespace", "list"]],
  ["queues", ["queues", "list"]],
];

/**
 * Ends the script when the account lacks something, or the login a permission: a deployment would fail half-way. All that is missing is
 * reported at once. Reading does not prove that the login may also write.
 */
export function mustHaveResources(): void {
  const faults = NEEDED.flatMap(([what, command]) => {
    const { code, output } = wrangler(command);
    return code === 0 ? [] : [`The ${what} of the account cannot be read: ${explain(output)}`];
  });
  if (faults.length > 0) stop(...faults, "Nothing was deployed.");
}

function readIdentity(output: string): Identity | undefined {
  try {
    return JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)) as Identity;
  } catch {
    return undefined;
  }
}

/** Ends the script with the reason why it cannot go on. */
export function stop(...lines: string[]): never {
  for (const line of lines) console.error(line);
  console.error("See docs/operate.md, “Before you begin”.");
  process.exit(1);
}
