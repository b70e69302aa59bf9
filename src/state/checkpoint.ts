/** States that arrive whole: full checkpoints (cli-protocol §4.6) and imports (§5.3). */
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
  /** Those of the first secrets, to tell whose they are. */
  ciphertexts: string[];
  /** False when the manifest has a version that its magic does not fit: the CLI would refuse the state (§5.4). */
  manifestOk: boolean;
}

/**
 * Passes an imported untyped deployment through byte for byte, and validates it on its way. Throws StateError when it is not
 * one: JSON all through, `version` 1 to 4, `deployment` an object. What was read by then must be thrown away.
 */
export const inspect = (chunks: AsyncIterable<Uint8Array>, options: SplitOptions = {}): Streamed<Inspection> =>
  streamed(inspecting(chunks, options));

/** Ciphertexts of a state that are looked at. */
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
 * The state that a full checkpoint `{isInvalid, version, features?, deployment}` stands for, as text of an untyped deployment;
 * each resource keeps its bytes. Throws StateError when it is malformed, or says of itself that it is invalid (§4.6).
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

/** Writes `{"deployment":{…}` from its parts, in their order. */
export class DeploymentWriter {
  readonly out = new Output();
  #members = 0;
  #array: Part["at"] | undefined;

  constructor() {
    this.out.write('{"deployment":{');
  }

  /** @param pieces what to write in the place of the part's own text */
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

/** What a state says about itself, gathered part by part. */
class Report {
  /** Members besides the deployment, as text. */
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
