/**
 * The CLI's provider `passphrase`: AES-256-GCM with a key from PBKDF2. Its setting, `encryptionsalt` of a stack's file, is
 * `v1:SALT:v1:NONCE:TEXT`; the second half is the word "pulumi", encrypted. A ciphertext is `v1:NONCE:TEXT`, with the tag at the end.
 */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { type Crypter, Fault } from "./place.ts";

const ROUNDS = 1_000_000;
const TAG = 16;
const CHECK = Buffer.from("pulumi");
const derive = promisify(pbkdf2);

/** The passphrase, from the variables that the CLI reads. */
export function passphraseOf(env: NodeJS.Dict<string>): string | undefined {
  const { PULUMI_CONFIG_PASSPHRASE: phrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = env;
  if (phrase !== undefined || !file) return phrase;
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new Fault("PULUMI_CONFIG_PASSPHRASE_FILE cannot be read");
  }
}

const keys = new Map<string, Promise<Buffer>>();

/** The derivation takes a third of a second, by design. */
function keyOf(phrase: string, salt: string): Promise<Buffer> {
  const name = JSON.stringify([phrase, salt]);
  let key = keys.get(name);
  if (!key) {
    key = derive(phrase, Buffer.from(salt, "base64"), ROUNDS, 32, "sha256");
    keys.set(name, key);
  }
  return key;
}

/** A setting for a stack that has none. */
export async function newSetting(phrase: string): Promise<string> {
  const salt = randomBytes(8).toString("base64");
  return `v1:${salt}:${seal(await keyOf(phrase, salt), CHECK)}`;
}

/** @throws Fault when the passphrase is not the one of the setting */
export async function passphraseCrypter(phrase: string, setting: string): Promise<Crypter> {
  const [version, salt = "", ...check] = setting.split(":");
  if (version !== "v1") throw new Fault("its passphrase provider has a format that is not known here");
  const key = await keyOf(phrase, salt);
  const isRight = (() => {
    try {
      return open(key, check.join(":")).equals(CHECK);
    } catch {
      return false;
    }
  })();
  if (!isRight) throw new Fault("PULUMI_CONFIG_PASSPHRASE is not the passphrase of this stack");
  return {
    open: async (texts) => texts.map((text) => open(key, text).toString("base64")),
    seal: async (texts) => texts.map((text) => seal(key, Buffer.from(text, "base64"))),
  };
}

function open(key: Buffer, text: string): Buffer {
  const [version, nonce = "", sealed = ""] = text.split(":");
  const bytes = Buffer.from(sealed, "base64");
  if (version !== "v1" || bytes.length < TAG) throw new Fault("a secret is not encrypted with the stack's passphrase");
  const cipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"), { authTagLength: TAG });
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG));
  try {
    return Buffer.concat([cipher.update(bytes.subarray(0, bytes.length - TAG)), cipher.final()]);
  } catch {
    throw new Fault("a secret is not encrypted with the stack's passphrase");
  }
}

function seal(key: Buffer, plaintext: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG });
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}
