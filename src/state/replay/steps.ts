import { readSnapshot, type Base } from "./base.ts";
import type { Ref, ResourceRef } from "./resourceRef.ts";
import type { Range } from "../json/json.ts";
import { Kind, REFERENCES, TEXTS, readBatch, type JournalEntry } from "../journal.ts";
import { UNREAD, type LinkTable, type LinksAt } from "./links.ts";
import { IntList } from "./intList.ts";
import { KnownFacts, type Facts } from "../resource.ts";
import type { Journal, JournalCache } from "./journalCache.ts";
import { VISIT_COST, Yielder } from "../../bytes/yielder.ts";

/** An entry of the journal, its batch, and details that only some replays need. */
export interface ReplayStep extends Omit<JournalEntry, "stateFacts" | "operationFacts"> {
  batch: number;
  stateFacts: Facts | null;
  /** Later updates keep the operation if it is still pending. */
  creates: boolean;
  /** The links of `state`. */
  links: LinksAt;
  /** The base in `newSnapshot`. */
  snapshot: Base | null;
}

export const refTo = (step: ReplayStep, range: Range): Ref => ({ batch: step.batch, start: range.start, end: range.end });

/** Returns a new item each time, because a state may be used at several places that change independently. */
export const resourceRefOf = (step: ReplayStep): ResourceRef => ({
  from: refTo(step, step.state!),
  facts: step.stateFacts,
  links: step.links,
  edits: null,
});

const REFRESH_OR_BASE: ReadonlySet<number> = new Set([Kind.refreshSuccess, Kind.write, Kind.rebuiltBase]);
const [IS_REFRESH, BYTE_STRING, CREATES] = [1, 2, 4];

/**
 * All entries of a journal in a compact form. An update of 100,000 resources has twice as many entries, and as objects they would not fit
 * into an isolate's memory. A row of numbers contains only the members that its entry has; most rows have 24 to 48 bytes.
 */
export class Steps {
  readonly #rows = new IntList();
  /** Start of each row, in the order of the entries. */
  #order: number[] = [];
  readonly #extensionRefs: string[] = [];
  readonly #facts: KnownFacts;
  #inOrder = true;
  /** The replay needs URNs, or needs more of the base than one resource at a time. */
  needLinks = false;

  constructor(facts: KnownFacts) {
    this.#facts = facts;
  }

  push(batch: number, entry: JournalEntry): void {
    const { sequenceID, kind, operationID, stateFacts } = entry;
    if (REFRESH_OR_BASE.has(kind) || entry.isRefresh || stateFacts?.hasAliases) this.needLinks = true;
    const last = this.#order.at(-1);
    if (last !== undefined && this.#rows.at(last) >= sequenceID) this.#inOrder = false;
    this.#order.push(this.#rows.length);

    const flags =
      (entry.isRefresh ? IS_REFRESH! : 0) | (entry.requiresByteString ? BYTE_STRING! : 0) | (entry.operationFacts?.creates ? CREATES! : 0);
    const rows = this.#rows;
    rows.push(sequenceID, kind, operationID, batch, flags, 0);
    const present = rows.length - 1;
    let bits = 0;
    let bit = 1;
    const optional = (values: number[] | null) => {
      if (values) {
        bits |= bit;
        rows.push(...values);
      }
      bit <<= 1;
    };
    for (const name of REFERENCES) optional(entry[name] === null ? null : [entry[name]]);
    for (const name of TEXTS) optional(entry[name] && [entry[name].start, entry[name].end]);
    optional(stateFacts && [this.#facts.number(stateFacts)]);
    optional(entry.extensionRef === null ? null : [this.#extensionRefs.push(entry.extensionRef) - 1]);
    rows.set(present, bits);
  }

  /** Sorts the entries by sequence id. Of entries with the same id only the last one stays, because a batch may have been sent twice. */
  sort(): void {
    if (this.#inOrder) return;
    const rows = this.#rows;
    this.#order.sort((a, b) => rows.at(a) - rows.at(b) || a - b);
    this.#order = this.#order.filter((row, i, all) => i === all.length - 1 || rows.at(row) !== rows.at(all[i + 1]!));
  }

  /**
   * Whether entries are missing: their numbers should begin at 1 and have no gaps. The client does not wait for the answer to entries of
   * unchanged resources, and it continues without an error if it cannot send such a batch.
   */
  get hasHole(): boolean {
    const last = this.#order.at(-1);
    return last !== undefined && this.#rows.at(last) > this.#order.length;
  }

  *[Symbol.iterator](): Generator<ReplayStep> {
    for (const row of this.#order) yield this.#unpack(row);
  }

  #unpack(row: number): ReplayStep {
    let at = row;
    const next = () => this.#rows.at(at++);
    const [sequenceID, kind, operationID, batch, flags] = [next(), next(), next(), next(), next()];
    let bits = next();
    const ifPresent = <T>(value: () => T): T | null => {
      const here = bits & 1;
      bits >>= 1;
      return here ? value() : null;
    };
    const range = () => ({ start: next(), end: next() });
    // The order of these members is that of REFERENCES and TEXTS.
    return {
      sequenceID,
      kind,
      operationID,
      batch,
      isRefresh: (flags & IS_REFRESH!) !== 0,
      requiresByteString: (flags & BYTE_STRING!) !== 0,
      creates: (flags & CREATES!) !== 0,
      removeOld: ifPresent(next),
      removeNew: ifPresent(next),
      pendingReplacementOld: ifPresent(next),
      pendingReplacementNew: ifPresent(next),
      deleteOld: ifPresent(next),
      deleteNew: ifPresent(next),
      state: ifPresent(range),
      operation: ifPresent(range),
      newSnapshot: ifPresent(range),
      secretsProvider: ifPresent(range),
      snippets: ifPresent(range),
      extension: ifPresent(range),
      stateFacts: ifPresent(() => this.#facts.at(next())),
      extensionRef: ifPresent(() => this.#extensionRefs[next()]!),
      links: UNREAD,
      snapshot: null,
    };
  }
}

/** All entries in their total order. */
export async function readSteps(journal: Journal, texts: JournalCache, facts: KnownFacts): Promise<Steps> {
  const steps = new Steps(facts);
  const yielder = new Yielder();
  for await (const batch of journal.batches()) {
    const bytes = await texts.batch(batch);
    for (const entry of readBatch(bytes)) steps.push(batch, entry);
    await yielder.spend(bytes.length + VISIT_COST);
  }
  steps.sort();
  return steps;
}

/** Adds the details for a refresh, aliases or a new base. Returns a promise only when the journal must be read. */
export function readDetails(step: ReplayStep, texts: JournalCache, links: LinkTable, facts: KnownFacts): void | Promise<void> {
  const { state, newSnapshot, kind } = step;
  const isWrite = kind === Kind.write;
  if (!state && !isWrite) return;
  const read = (bytes: Uint8Array) => {
    if (state) step.links = links.read(bytes, state.start);
    if (isWrite) step.snapshot = readSnapshot(bytes, refTo(step, newSnapshot!), links, facts);
  };
  const bytes = texts.batch(step.batch);
  return bytes instanceof Uint8Array ? read(bytes) : bytes.then(read);
}
