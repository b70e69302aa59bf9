/** A certificate that a key signs for itself, built by hand, so that no key is stored with the tests. */

const der = (tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const content = parts.flatMap((part) => [...part]);
  const length = content.length;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return new Uint8Array([tag, ...size, ...content]);
};
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const ascii = (text: string) => new TextEncoder().encode(text);
const utcTime = (time: number) => der(0x17, ascii(`${new Date(time).toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`));

const SHA256_RSA = sequence(der(0x06, new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b])), der(0x05));
const COMMON_NAME = new Uint8Array([0x55, 0x04, 0x03]);

export interface Pair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  /** Base64 of DER. */
  certificate: string;
}

export const toBase64 = (bytes: ArrayBuffer | Uint8Array) =>
  btoa(String.fromCharCode(...(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))));

const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: new Uint8Array([1, 0, 1]) };

export async function newPair(bits = 2048): Promise<Pair> {
  const pair = (await crypto.subtle.generateKey({ ...rsa, modulusLength: bits }, true, ["sign", "verify"])) as CryptoKeyPair;
  return { ...pair, certificate: await certificateOf(pair, SHA256_RSA) };
}

/** A certificate of an elliptic key. Its signature is not valid, but no code checks it. */
export async function newEllipticCertificate(): Promise<string> {
  const pair = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])) as CryptoKeyPair;
  return certificateOf(pair, SHA256_RSA, () => Promise.resolve(new Uint8Array(64)));
}

async function certificateOf(
  { privateKey, publicKey }: CryptoKeyPair,
  algorithm: Uint8Array,
  sign = async (data: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.sign(rsa.name, privateKey, data)),
): Promise<string> {
  const spki = new Uint8Array((await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer);
  const name = sequence(der(0x31, sequence(der(0x06, COMMON_NAME), der(0x0c, ascii("idp")))));
  const now = Date.now();
  const validity = sequence(utcTime(now - 86_400_000), utcTime(now + 365 * 86_400_000));
  const version = der(0xa0, der(0x02, new Uint8Array([2])));
  const tbs = sequence(version, der(0x02, new Uint8Array([1])), algorithm, name, validity, name, spki);
  return toBase64(sequence(tbs, algorithm, der(0x03, new Uint8Array([0]), await sign(tbs))));
}
