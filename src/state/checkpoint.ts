/** Validates whole states: full checkpoints (cli-protocol §4.6) and imports (§5.3). */
import { Ciphertexts } from "./ciphertexts.ts";
import { StateError } from "./errors.ts";
import { decodeText, membersOf, parse, parseText } from "./json/json.ts";
import { magicOf } from "./replay/members.ts";
import { Output, streamed, type Streamed } from "../bytes/output.ts";
import type { StateSummary } from "./replay/replay.ts";
import { readFacts } from "./resource.ts";
import { Splitter, type Part, type SplitOptions } from "./json/split.ts";

/** The state of a new stack (cli-protocol §5.2). */
export const emptyDeployment = '{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}';

export interface Inspection extends StateSummary {
  /** `state` is JSON text; absent when the provider has none. */
  secretsProvider?: { type: string; state?: string };
  /** Ciphertexts of the first secrets. They show which stack the secrets belong to. */
  ciphertexts: string[];
  /** False when the manifest's magic does not match its version: the CLI would refuse the state (§5.4). */
  manifestOk: boolean;
}

/**
 * Passes an imported untyped deployment through byte for byte and validates it on the way: it must be JSON with a `version` from 1 to 4 and
 * an object `deployment`. Throws StateError otherwise; the caller must then discard the chunks that it has read.
 */
export const inspect = (chunks: AsyncIterable<Uint8Array>, options: SplitOptions = {}): Streamed<Inspection> =>
  streamed(inspecting(chunks, options));

/** Maximum number of ciphertexts of a state that are collected. */
const SAMPLE = 100;

async function* inspecting(chunks: AsyncIterable<Uint8Array>, options: SplitOptions): AsyncGenerator<Uint8Array, Inspection> {
  const splitter = new Splitter(options);
  const report = new Report();
  const secrets = new Ciphertexts(SAMPLE);
  for await (const chunk of chunks) {
    for (const part of splitter.push(chunk)) {
      report.add(part);
      if (part.at === "resource" || part.at === "pendingOperation") secrets.add(part.text);
    }
    yield chunk;
  }
  splitter.end();
  if (!splitter.hasDeployment) throw new StateError("deployment must be an object");
  const secretsProvider = report.secretsProvider();
  return {
    ...report.summary(),
    ...(secretsProvider && { secretsProvider }),
    ciphertexts: secrets.found,
    manifestOk: await report.manifestOk(),
  };
}

/**
 * Converts a full checkpoint `{isInvalid, version, features?, deployment}` into the text of an untyped deployment; each resource keeps its
 * bytes. Throws StateError when the checkpoint is malformed or has the mark `isInvalid` (§4.6).
 */
export const fromCheckpoint = (chunks: AsyncIterable<Uint8Array>, options: SplitOptions = {}): Streamed<StateSummary> =>
  streamed(convert(chunks, options));

async function* convert(chunks: AsyncIterable<Uint8Array>, options: SplitOptions): AsyncGenerator<Uint8Array, StateSummary> {
  const splitter = new Splitter(options);
  const report = new Report();
  const writer = new DeploymentWriter();
  for await (const chunk of chunks) {
    for (const part of splitter.push(chunk)) {
      report.add(part);
      if (part.at !== "envelope") writer.write(part);
    }
    if (writer.out.hasFull) yield* writer.out.take();
  }
  splitter.end();
  if (report.envelope.get("isInvalid") === "true") throw new StateError("an invalid checkpoint is not accepted");
  if (!splitter.hasDeployment && !report.envelope.has("deployment")) throw new StateError("deployment is missing");
  const summary = report.summary();
  writer.close();
  for (const [key, text] of report.envelope)
    if (key !== "isInvalid" && key !== "deployment") writer.out.write(`,${JSON.stringify(key)}:${text}`);
  writer.out.write("}");
  yield* writer.out.rest();
  return summary;
}

/** Writes `{"deployment":{…}` from its parts, in the order of the calls. */
export class DeploymentWriter {
  readonly out = new Output();
  #members = 0;
  #array: Part["at"] | undefined;

  constructor() {
    this.out.write('{"deployment":{');
  }

  /** @param pieces text to write instead of the part's own text */
  write(part: Exclude<Part, { at: "envelope" }>, pieces: readonly (Uint8Array | string)[] = [part.text]): void {
    if (part.at === this.#array) this.out.write(",");
    else {
      this.#closeArray();
      if (part.at === "deployment") this.#key(part.key);
      else {
        this.#key(part.at === "resource" ? "resources" : "pending_operations");
        this.out.write("[");
        this.#array = part.at;
      }
    }
    for (const piece of pieces) this.out.write(piece);
  }

  close(): void {
    this.#closeArray();
    this.out.write("}");
  }

  #key(key: string): void {
    this.out.write(`${this.#members++ > 0 ? "," : ""}${JSON.stringify(key)}:`);
  }

  #closeArray(): void {
    if (this.#array) this.out.write("]");
    this.#array = undefined;
  }
}

/** Collects facts about a state, part by part. */
class Report {
  /** Members of the outer object except the deployment, as text. */
  readonly envelope = new Map<string, string>();
  #manifest: unknown;
  #provider: Uint8Array | undefined;
  #resources = 0;
  #stacks = 0;
  #aliasFree = true;
  readonly #references = new Set<string>();

  add(part: Part): void {
    if (part.at === "resource") {
      const facts = readFacts(part.text);
      this.#resources++;
      if (facts.isStack) this.#stacks++;
      if (facts.hasAliases) this.#aliasFree = false;
      if (facts.refersTo) this.#references.add(facts.refersTo);
    } else if (part.at === "envelope") this.envelope.set(part.key, decodeText(part.text));
    else if (part.at === "deployment" && part.key === "manifest") this.#manifest = parse(part.text);
    else if (part.at === "deployment" && part.key === "secrets_providers") this.#provider = part.text.slice();
  }

  summary(): StateSummary {
    const version: unknown = parseText(this.envelope.get("version") ?? "null");
    if (!Number.isInteger(version) || (version as number) < 1 || (version as number) > 4)
      throw new StateError("version must be an integer from 1 to 4");
    const features: unknown = parseText(this.envelope.get("features") ?? "null") ?? [];
    if (!Array.isArray(features) || !features.every((name) => typeof name === "string"))
      throw new StateError("features must be an array of strings");
    return {
      resources: this.#resources,
      version: version as number,
      features: features.sort(),
      onlyRootStack: this.#stacks === this.#resources,
      aliasFree: this.#aliasFree,
      references: [...this.#references],
    };
  }

  secretsProvider(): { type: string; state?: string } | undefined {
    if (!this.#provider || parse(this.#provider) === null) return undefined;
    const members = membersOf(this.#provider);
    const type = members.has("type") ? parse(members.get("type")!) : undefined;
    if (typeof type !== "string") throw new StateError("secrets_providers.type must be a string");
    const state = members.get("state");
    return { type, ...(state && { state: decodeText(state) }) };
  }

  async manifestOk(): Promise<boolean> {
    const { version, magic } = (this.#manifest ?? {}) as { version?: unknown; magic?: unknown };
    if (version === undefined) return true;
    return typeof version === "string" && (await magicOf(version)) === (magic ?? "");
  }
}
