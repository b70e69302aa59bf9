/** The files `Pulumi.STACK.yaml` of a checkout: their secrets, and the provider that encrypts them. They are edited as text. */
import { existsSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Crypter, Fault, type StackName } from "./place.ts";

/** Folders at most this deep below the checkout are searched. */
const DEEPEST = 8;
const PROJECT = /^Pulumi\.ya?ml$/;

export interface Project {
  name: string;
  folder: string;
  /** Where the files of its stacks are. */
  settings: string;
  /** Whether the project names a backend of its own. */
  hasBackend: boolean;
}

export function projectsIn(folder: string, depth = 0): Project[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const file = entries.find((entry) => entry.isFile() && PROJECT.test(entry.name));
  const own = file ? [readProject(join(folder, file.name))].filter((project) => project !== undefined) : [];
  const below = depth === DEEPEST ? [] : entries.filter((entry) => entry.isDirectory() && !/^(?:\..*|node_modules|venv)$/.test(entry.name));
  return [...own, ...below.flatMap((entry) => projectsIn(join(folder, entry.name), depth + 1))];
}

function readProject(file: string): Project | undefined {
  const text = readFileSync(file, "utf8");
  const folder = dirname(file);
  const value = (key: string) => {
    if (!text.trimStart().startsWith("{")) return new RegExp(`^${key}:[ \\t]*["']?([^"'#\\n]+?)["']?[ \\t]*(?:#.*)?$`, "m").exec(text)?.[1];
    try {
      const found = (JSON.parse(text) as Record<string, unknown>)[key];
      return typeof found === "string" ? found : undefined;
    } catch {
      return undefined;
    }
  };
  const name = value("name");
  const settings = value("stackConfigDir") ?? value("config") ?? ".";
  return name === undefined ? undefined : { name, folder, settings: join(folder, settings), hasBackend: /^\s*"?backend"?:/m.test(text) };
}

/** The stack's file, whether it exists or not. */
export function settingsFile({ settings }: Project, { stack }: StackName): string {
  const yml = join(settings, `Pulumi.${stack}.yml`);
  return existsSync(yml) ? yml : join(settings, `Pulumi.${stack}.yaml`);
}

export interface Settings {
  text: string;
  /** The provider that the file names. `default` is that of the backend. */
  provider: "passphrase" | "cloud" | "default";
  encryptionSalt: string | undefined;
  ciphertexts: string[];
}

/** A ciphertext after `secure:`, at the beginning of a line or in braces. */
const SECURE = /(^[ \t]*(?:- +)*|[{,][ \t]*)(["']?)secure\2:[ \t]*(["']?)([\w+/=:.-]+)\3(?=[ \t]*(?:\r?$|[,}]|#))/gm;

export function readSettings(file: string): Settings | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const top = (key: string) => new RegExp(`^${key}:[ \\t]*["']?([^"'\\r\\n]+?)["']?[ \\t]*\\r?$`, "m").exec(text)?.[1];
  const provider = top("secretsprovider");
  const encryptionSalt = top("encryptionsalt");
  const ciphertexts = [...text.matchAll(SECURE)].map(([, , , , ciphertext]) => ciphertext!);
  const named = text.match(/^[^#\n]*(?<![\w:-])["']?secure["']?:/gm)?.length ?? 0;
  if (named > ciphertexts.length) throw new Fault(`${file} has a secret in a form that cannot be edited as text`);
  const isCloud = provider !== undefined && provider !== "passphrase" && provider !== "default";
  return { text, encryptionSalt, ciphertexts, provider: isCloud ? "cloud" : encryptionSalt ? "passphrase" : "default" };
}

/** The lines by which a file names the new provider. */
export const settingLines = (encryptionSalt: string | undefined): string => (encryptionSalt ? `encryptionsalt: ${encryptionSalt}\n` : "");

/**
 * Encrypts a file's secrets for the new place, and names the new provider. All other text stays. If this program is killed, the file is
 * either the old one or the new one.
 * @param encryptionSalt of the new provider, if that is `passphrase`
 * @returns how many secrets were encrypted; undefined when the file was like that already
 */
export async function rewriteSettings(
  file: string,
  from: Crypter | undefined,
  to: Crypter,
  encryptionSalt: string | undefined,
): Promise<number | undefined> {
  const settings = readSettings(file) ?? { text: "", ciphertexts: [], encryptionSalt: undefined, provider: "default" as const };
  const { text, ciphertexts } = settings;
  const lines = settingLines(encryptionSalt);
  const isNamed = settings.encryptionSalt === encryptionSalt && settings.provider !== "cloud";
  if (isNamed && (ciphertexts.length === 0 || (await opensAll(to, ciphertexts)))) return undefined;
  const plaintexts = ciphertexts.length === 0 ? [] : await openOf(from, file).open(ciphertexts);
  const sealed = plaintexts.length === 0 ? [] : await to.seal(plaintexts);
  let next = 0;
  const changed = text.replaceAll(SECURE, (whole: string, ...[, , , old]: string[]) => {
    // The ciphertext is the last part of the match, except for a quote.
    const at = whole.lastIndexOf(old!);
    return whole.slice(0, at) + sealed[next++]! + whole.slice(at + old!.length);
  });
  write(file, withProvider(changed, lines));
  return sealed.length;
}

function openOf(crypter: Crypter | undefined, file: string): Crypter {
  if (!crypter) throw new Fault(`the secrets in ${file} cannot be decrypted here`);
  return crypter;
}

async function opensAll(crypter: Crypter, ciphertexts: string[]): Promise<boolean> {
  try {
    await crypter.open(ciphertexts);
    return true;
  } catch {
    return false;
  }
}

/** Replaces the lines that name a provider. They are at the outermost level, each on its own line. */
function withProvider(text: string, lines: string): string {
  const kept = text.replaceAll(/^(?:secretsprovider|encryptedkey|encryptionsalt):.*(?:\n|$)/gm, "");
  const mark = /^---[ \t]*\n/.exec(kept)?.[0] ?? "";
  return mark + lines + kept.slice(mark.length);
}

function write(file: string, text: string): void {
  const draft = `${file}.migrating`;
  writeFileSync(draft, text, { mode: existsSync(file) ? statSync(file).mode : 0o644 });
  renameSync(draft, file);
}
