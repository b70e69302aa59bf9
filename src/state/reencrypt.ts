/** Replaces the ciphertexts of a state after a change of the master key. */
import { QUOTE, decodeString, skipValue, visitMembers } from "./json/json.ts";
import { type Pieces, replaceRanges } from "./ranges.ts";
import { type DeploymentPart, rewriteDeployment } from "./json/rewrite.ts";
import { SECRET, walkSigned } from "./json/signed.ts";

/** Returns the new ciphertext; undefined keeps the old one. */
export type Replace = (ciphertext: string) => Promise<string | undefined>;

/** Calls `replace` for each ciphertext of an untyped deployment, at any depth and in order, and yields the new text. */
export const reencrypt = (chunks: AsyncIterable<Uint8Array>, replace: Replace): AsyncGenerator<Uint8Array, void> =>
  rewriteDeployment(chunks, (part) => reencryptPart(part, replace));

function reencryptPart({ at, text }: DeploymentPart, replace: Replace): Pieces | Promise<Pieces> {
  const found: { start: number; end: number }[] = [];
  const note = (start: number) => {
    if (text[start] === QUOTE) found.push({ start, end: skipValue(text, start) });
  };
  if (at === "resource") findSecrets(text, 0, note);
  else if (at === "pendingOperation")
    visitMembers(text, 0, (key, value) => (key === "resource" ? findSecrets(text, value, note) : skipValue(text, value)));
  return found.length === 0 ? [text] : replaced(text, found, replace);
}

const PROPERTIES: ReadonlySet<string> = new Set(["inputs", "outputs", "replacementTrigger"]);

const findSecrets = (bytes: Uint8Array, at: number, visit: (value: number) => void): number =>
  visitMembers(bytes, at, (key, value) =>
    PROPERTIES.has(key) ? walkSigned(bytes, value, SECRET, "ciphertext", visit) : skipValue(bytes, value),
  );

async function replaced(text: Uint8Array, found: { start: number; end: number }[], replace: Replace): Promise<Pieces> {
  const replacements = [];
  for (const { start, end } of found) {
    const ciphertext = await replace(decodeString(text, start, end));
    if (ciphertext !== undefined) replacements.push({ start, end, text: JSON.stringify(ciphertext) });
  }
  return replaceRanges(text, replacements);
}
