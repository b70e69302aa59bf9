import { fromBase64, toBase64 } from "../bytes/base64.ts";
import { type SQL, desc, lte } from "drizzle-orm";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "../secrets/cipher.ts";
import { type Store, UniqueViolation, batch } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { AppError } from "../errors.ts";
import { type PublicJwk, signingKeys } from "./table.ts";

export type KeyRow = typeof signingKeys.$inferSelect;
type Setting = Pick<Bindings, "ENCRYPTION_KEYS">;

/** AWS accepts RS256 and refuses ES256. */
const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const newPair = { ...algorithm, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

/** The purpose of the ciphertext: the key of a stack has the stack's id in its place. */
const purposeOf = (kid: string) => `signing-key/${kid}`;

/** The newest key, of all or of those that a condition selects. */
async function newest(store: Store, which?: SQL): Promise<KeyRow | undefined> {
  const [rows] = await batch(store, [store.db.select().from(signingKeys).where(which).orderBy(desc(signingKeys.generation)).limit(1)]);
  return rows[0];
}

export const newestKey = (store: Store) => newest(store);

/** The key that signs now. */
export const activeKey = (store: Store, now: number) => newest(store, lte(signingKeys.activeAt, now));

/** Makes the key after another. If another Worker has made it meanwhile, that one is returned. */
export async function makeKey(env: Setting, store: Store, after: KeyRow | undefined, now: number, activeAt: number): Promise<KeyRow> {
  const { publicKey, privateKey } = (await crypto.subtle.generateKey(newPair, true, ["sign", "verify"])) as CryptoKeyPair;
  const { n, e } = (await crypto.subtle.exportKey("jwk", publicKey)) as JsonWebKey;
  const secret = new Uint8Array((await crypto.subtle.exportKey("pkcs8", privateKey)) as ArrayBuffer);
  const kid = crypto.randomUUID();
  const row: KeyRow = {
    generation: (after?.generation ?? 0) + 1,
    kid,
    publicKey: { kty: "RSA", kid, use: "sig", alg: "RS256", n: n!, e: e! } satisfies PublicJwk,
    sealedKey: await seal(env, kid, secret),
    createdAt: now,
    activeAt,
  };
  try {
    await batch(store, [store.db.insert(signingKeys).values(row)]);
    return row;
  } catch (error) {
    const other = error instanceof UniqueViolation ? await newestKey(store) : undefined;
    if (!other) throw error;
    return other;
  }
}

export const seal = async ({ ENCRYPTION_KEYS }: Setting, kid: string, secret: Uint8Array): Promise<string> =>
  toBase64(await encrypt(ENCRYPTION_KEYS, purposeOf(kid), secret));

/** The private key of a row, PKCS #8. Undefined if its master key is not listed any more. */
export async function unseal({ ENCRYPTION_KEYS }: Setting, { kid, sealedKey }: KeyRow): Promise<Uint8Array | undefined> {
  try {
    return await decrypt(ENCRYPTION_KEYS, purposeOf(kid), fromBase64(sealedKey));
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Whether the private key is encrypted with another master key than the current one. */
export const isSealedWithOlder = ({ ENCRYPTION_KEYS }: Setting, { sealedKey }: KeyRow): boolean =>
  keyIdOf(fromBase64(sealedKey)) !== currentKeyId(ENCRYPTION_KEYS);

export const importKey = (secret: Uint8Array): Promise<CryptoKey> => crypto.subtle.importKey("pkcs8", secret, algorithm, false, ["sign"]);
