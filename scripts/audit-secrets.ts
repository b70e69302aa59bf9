/**
 * `npm run audit:secrets [-- --history]`: searches for secrets of our own kinds in every file that `git add -A` would add, and with
 * `--history` in every line that any commit ever added. `npm run check` does the former.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { signLease } from "../src/auth/leaseToken.ts";
import { newTokenValue } from "../src/auth/secret.ts";
import { root } from "./wrangler.ts";

/** The pattern that docs/tokens.md gives to scanners, word for word. A token of zeros belongs to nobody. */
export const TOKEN = String.raw`\bpul-[0-9a-f]{40}\b`;

const kinds: { kind: string; fits: RegExp }[] = [
  // Sessions have the same format.
  { kind: "an access token or session", fits: new RegExp(TOKEN.replace("pul-", "pul-(?!0{40})")) },
  // `["` and a digit or letter in base64url, and 32 bytes of signature.
  { kind: "a lease", fits: /(?<![A-Za-z0-9_-])Wy[IJ][A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/ },
  { kind: "a secret of the Worker", fits: /\b(?:TOKEN_PEPPER|OPERATOR_TOKEN|LEAK_SCANNER_SECRET)["']?\s*[=:]\s*["']?[A-Za-z0-9+/_-]{20,}/ },
  { kind: "a master key", fits: /\b\d{1,3}:[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/ },
  {
    kind: "a private key",
    fits: /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bM(?:C4CAQAwBQYDK2Vw|IGHAgEAMBMGByqGSM49|II[A-Za-z0-9+/]{2}(?:AIBAA|wIBADAN))/,
  },
];

/** Keys that only tests use, and that protect nothing: their bytes are 0, 1, 2, …, or this repository contains them in full. */
const allowed: Record<string, string> = {
  "test/secrets/rotation.test.ts": "a master key with the bytes 0, 1, 2, …",
  "test/support/scanner.ts": "the private key of the tests' scanner",
  "vitest.config.ts": "master keys with the bytes 0, 1, 2, …",
};

const kindOf = (line: string) => kinds.find(({ fits }) => fits.test(line))?.kind;

const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 30 });

/** Lines that look like a secret, without the secret, of tracked files and of untracked files that git does not ignore. */
export function secretsInFiles(): string[] {
  return git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    .split("\0")
    .filter((file) => file !== "" && !(file in allowed) && existsSync(join(root, file)))
    .flatMap((file) => {
      const lines = readFileSync(join(root, file), "latin1").split("\n");
      return lines.flatMap((line, i) => (kindOf(line) ? [`${file}:${i + 1}: ${kindOf(line)}`] : []));
    });
}

/** Finds secrets in every line that a commit has added, up to the current one. */
function secretsInHistory(): string[] {
  const found = new Set<string>();
  let commit = "";
  let file = "";
  for (const line of git("log", "-p", "--unified=0", "--no-color", "--format=commit %h").split("\n")) {
    if (line.startsWith("commit ")) commit = line.slice(7);
    else if (line.startsWith("+++ b/")) file = line.slice(6);
    else if (line.startsWith("+") && !(file in allowed) && kindOf(line)) found.add(`${commit} ${file}: ${kindOf(line)}`);
  }
  return [...found];
}

/** Checks that the patterns find secrets: generates many of each kind and searches for them. @returns those that were not found */
export async function unseen(): Promise<string[]> {
  const faults = new Set<string>();
  for (let round = 0; round < 50; round++)
    for (const [kind, secret] of Object.entries(await newSecrets()))
      if (kindOf(`  "${secret}",`) !== kind) faults.add(`${kind} is not recognised`);
  if (!readFileSync(join(root, "docs/tokens.md"), "utf8").includes(TOKEN))
    faults.add("docs/tokens.md does not contain the pattern of tokens");
  return [...faults];
}

async function newSecrets(): Promise<Record<string, string>> {
  const id = crypto.randomUUID();
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const { privateKey } = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  return {
    "an access token or session": (await newTokenValue([key])).value,
    "a lease": await signLease([key], { coordinator: `${id}/web/dev`, updateId: id }),
    "a secret of the Worker": `TOKEN_PEPPER=${key}`,
    "a master key": `ENCRYPTION_KEYS=1:${key}`,
    "a private key": Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64"),
  };
}

if (process.argv[1]?.endsWith("audit-secrets.ts")) {
  const found = [...(await unseen()), ...secretsInFiles(), ...(process.argv.includes("--history") ? secretsInHistory() : [])];
  for (const line of found) console.error(line);
  console.log(found.length === 0 ? "no secret was found" : `${found.length} found`);
  process.exit(found.length > 0 ? 1 : 0);
}
