/** Finds the parts of a state's text. The text itself is never parsed as a whole and written again. */
import {
  QUOTE,
  type Range,
  concat,
  decodeString,
  decodeText,
  encode,
  membersOf,
  parse,
  readArray,
  skipSpace,
  skipValue,
  visitMembers,
} from "../../src/state/json/json.ts";
import { SECRET, walkSigned } from "../../src/state/json/signed.ts";
import { type Replacement, replaceRanges } from "../../src/state/ranges.ts";

export interface State {
  bytes: Uint8Array;
  provider?: { range: Range; type: string; state: Uint8Array };
  resources: Range[];
  pending: Range[];
  /** Other members of the deployment. */
  others: Map<string, Range>;
  /** Where each ciphertext is, with its quotes, and the ciphertexts. */
  secrets: Range[];
  ciphertexts: string[];
}

/** @throws StateError for text that is not JSON */
export function readState(bytes: Uint8Array): State {
  const state: State = { bytes, resources: [], pending: [], others: new Map(), secrets: [], ciphertexts: [] };
  visitMembers(bytes, skipSpace(bytes, 0), (key, value) =>
    key === "deployment" ? visitMembers(bytes, value, (member, at) => readMember(state, member, at)) : skipValue(bytes, value),
  );
  state.ciphertexts = state.secrets.map(({ start, end }) => decodeString(bytes, start, end));
  return state;
}

function readMember(state: State, member: string, at: number): number {
  const { bytes } = state;
  const end = skipValue(bytes, at);
  if (member === "resources" || member === "pending_operations") {
    const list = member === "resources" ? state.resources : state.pending;
    readArray(bytes, at, (element) => {
      const range = { start: element, end: skipValue(bytes, element) };
      list.push(range);
      findSecrets(state, range);
      return range.end;
    });
  } else if (member === "secrets_providers") readProvider(state, { start: at, end });
  else state.others.set(member, { start: at, end });
  return end;
}

function findSecrets({ bytes, secrets }: State, { start, end }: Range): void {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).includes(SECRET)) return;
  walkSigned(bytes, start, SECRET, "ciphertext", (value) => {
    if (bytes[value] === QUOTE) secrets.push({ start: value, end: skipValue(bytes, value) });
  });
}

function readProvider(state: State, range: Range): void {
  const members = membersOf(state.bytes.subarray(range.start, range.end));
  const type = members.has("type") ? parse(members.get("type")!) : undefined;
  if (typeof type === "string" && type !== "") state.provider = { range, type, state: members.get("state") ?? encode("{}") };
}

/** The provider's own settings: a salt, a URL, an encrypted key. None is a secret. */
export const providerSettings = ({ provider }: State): Record<string, unknown> =>
  provider ? ((parse(provider.state) ?? {}) as Record<string, unknown>) : {};

/** The same state with other ciphertexts, under another provider. All other bytes stay. */
export function resealed(state: State, provider: { type: string; state: string }, ciphertexts: string[]): Uint8Array {
  const edits: Replacement[] = state.secrets.map(({ start, end }, i) => ({ start, end, text: JSON.stringify(ciphertexts[i]) }));
  if (state.provider) edits.push({ ...state.provider.range, text: `{"type":${JSON.stringify(provider.type)},"state":${provider.state}}` });
  return concat(replaceRanges(state.bytes, edits).map((piece) => (typeof piece === "string" ? encode(piece) : piece)));
}

/** Whether two states are equal byte for byte, except for their provider and their ciphertexts. */
export function sameButForSecrets(a: State, b: State): boolean {
  if (a.secrets.length !== b.secrets.length || !a.provider !== !b.provider) return false;
  const [pieces, others] = [aroundSecrets(a), aroundSecrets(b)];
  return pieces.every((piece, i) => Buffer.compare(piece, others[i]!) === 0);
}

function aroundSecrets({ bytes, provider, secrets }: State): Uint8Array[] {
  const edits = [...secrets, ...(provider ? [provider.range] : [])].map((range) => ({ ...range, text: "" }));
  return replaceRanges(bytes, edits).filter((piece) => typeof piece !== "string");
}

/**
 * Numbers that the CLI would round when it reads and writes this state, because it keeps each number as a double: integers beyond 2^53, and
 * decimals with more than 17 digits.
 */
export function roundedNumbers({ bytes }: State): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const c = bytes[at]!;
    if (c === QUOTE) at = skipValue(bytes, at);
    else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      const end = skipValue(bytes, at);
      // A shorter number always fits.
      if (end - at > 15) {
        const text = decodeText(bytes.subarray(at, end));
        if (isRounded(text)) found.push(text);
      }
      at = end;
    } else at++;
  }
  return found;
}

export function isRounded(text: string): boolean {
  if (/^-?\d+$/.test(text)) return BigInt(text) !== BigInt(Number(text));
  const digits = /^-?0*\.?0*([\d.]*)/.exec(text)![1]!.replace(".", "").replace(/0+$/, "");
  return digits.length > 17;
}

/** The stacks that the state's stack references name. */
export function referencesOf(state: State): string[] {
  const found = new Set<string>();
  for (const { start, end } of state.resources) {
    const text = Buffer.from(state.bytes.buffer, state.bytes.byteOffset + start, end - start);
    if (!text.includes("pulumi:pulumi:StackReference")) continue;
    const members = membersOf(text);
    if (!members.has("type") || parse(members.get("type")!) !== "pulumi:pulumi:StackReference" || !members.has("inputs")) continue;
    const name = (parse(members.get("inputs")!) as { name?: unknown } | null)?.name;
    if (typeof name === "string") found.add(name);
  }
  return [...found];
}
