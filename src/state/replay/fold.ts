/** What the journal's entries make of the base (cli-protocol §4.8.4), in terms of where texts are; no text is touched. */
import type { Base, OperationRef } from "./base.ts";
import { edit, type Item, type Ref } from "./resourceRef.ts";
import { Kind } from "../journal.ts";
import { UNREAD, type LinkTable } from "./links.ts";
import { behindReferences } from "./order.ts";
import { type ReplayStep, itemOf, refTo } from "./steps.ts";
import { normalizeUrns, rebuildDependencies } from "./urns.ts";

/** The resources of the result, to be picked while the base stream passes by. */
export interface Selection {
  /** Those before the first one of the base stream. */
  first: Item[];
  /** Those in the place of the base stream's resource at `position`; to be asked for each once, in order. */
  at(position: number): Item[];
}

export interface Folded {
  selection: Selection;
  pending: OperationRef[];
  base: Base;
  /** An entry said that it needs the feature. */
  byteString: boolean;
}

export class Fold {
  #base: Base;
  #news: Item[] = [];
  /** Operation id to position in `news`. */
  #indexOf = new Map<number, number>();
  #dropNew = new Set<number>();
  #dropOld = new Set<number>();
  #replaceOld = new Map<number, Item>();
  #markDelete = new Set<number>();
  #markPending = new Set<number>();
  /** Begun and not ended, as far as they have an operation to tell of. */
  #open = new Map<number, OperationRef>();
  #extensions = new Map<string, Ref>();
  #refreshed = false;
  #byteString = false;
  readonly #links: LinkTable | null;
  readonly #hasHole: boolean;

  /**
   * @param links of the base's items and of what is added; null when those are not known
   * @param hasHole entries are missing; then they must be known
   */
  constructor(base: Base, links: LinkTable | null, hasHole: boolean) {
    this.#base = base;
    this.#links = links;
    this.#hasHole = hasHole;
  }

  /** A promise when the step takes long. */
  add(step: ReplayStep): void | Promise<void> {
    if (step.requiresByteString) this.#byteString = true;
    switch (step.kind) {
      case Kind.begin:
        if (step.operation) this.#open.set(step.operationID, { text: refTo(step, step.operation), creates: step.creates });
        else this.#open.delete(step.operationID);
        break;
      case Kind.success:
        this.#open.delete(step.operationID);
        this.#succeed(step);
        break;
      case Kind.failure:
        this.#open.delete(step.operationID);
        break;
      case Kind.refreshSuccess:
        this.#open.delete(step.operationID);
        this.#refreshed = true;
        this.#refresh(step);
        break;
      case Kind.outputs:
        if (step.state) this.#replace(step);
        break;
      case Kind.write:
        this.#base = step.snapshot!;
        break;
      case Kind.secretsManager:
        if (step.secretsProvider) this.#base.providers.push(refTo(step, step.secretsProvider));
        break;
      case Kind.rebuiltBase:
        return this.#rebuild();
      case Kind.extension:
        this.#extensions.set(step.extensionRef!, refTo(step, step.extension!));
        break;
      case Kind.snippets:
        this.#base.snippets = step.snippets && refTo(step, step.snippets);
        this.#base.snippetAliases = [];
    }
  }

  #succeed(step: ReplayStep): void {
    if (step.state) {
      this.#indexOf.set(step.operationID, this.#news.length);
      this.#news.push(itemOf(step));
    }
    if (step.removeOld !== null) this.#dropOld.add(step.removeOld);
    if (step.removeNew !== null) this.#dropNew.add(step.removeNew);
    if (step.deleteOld !== null) this.#markDelete.add(step.deleteOld);
    if (step.deleteNew !== null) this.#markNew(step.deleteNew, "delete");
    if (step.pendingReplacementOld !== null) this.#markPending.add(step.pendingReplacementOld);
    if (step.pendingReplacementNew !== null) this.#markNew(step.pendingReplacementNew, "pendingReplacement");
    if (step.isRefresh) this.#refreshed = true;
  }

  #refresh(step: ReplayStep): void {
    const { removeOld, removeNew, state } = step;
    if (state) return this.#replace(step);
    if (removeOld !== null) this.#dropOld.add(removeOld);
    if (removeNew !== null) this.#dropNew.add(removeNew);
  }

  #replace(step: ReplayStep): void {
    const { removeOld, removeNew } = step;
    if (removeOld !== null) this.#replaceOld.set(removeOld, itemOf(step));
    if (removeNew !== null) this.#withNew(removeNew, (index) => (this.#news[index] = itemOf(step)));
  }

  #markNew(operation: number, member: string): void {
    this.#withNew(operation, (index) => edit(this.#news[index]!, member, "true"));
  }

  /** An operation that failed, or was never heard of, has no resource: a reference to it means nothing. (Upstream hits the first one.) */
  #withNew(operation: number, change: (index: number) => void): void {
    const index = this.#indexOf.get(operation);
    if (index !== undefined) change(index);
  }

  /** Folds everything so far into the base; what follows refers to the new positions. */
  async #rebuild(): Promise<void> {
    this.#base.items = await this.#resources(this.#links!);
    this.#base.pending = this.#pending();
    // The base's own win, and so do those of an earlier fold.
    for (const [ref, text] of this.#extensions) if (!this.#base.extensions.has(ref)) this.#base.extensions.set(ref, text);
    this.#news = [];
    this.#indexOf = new Map();
    this.#dropNew = new Set();
    this.#dropOld = new Set();
    this.#replaceOld = new Map();
    this.#markDelete = new Set();
    this.#markPending = new Set();
    this.#open = new Map();
    this.#extensions = new Map();
  }

  /** The resources so far: new ones first, then what is left of the base. Only for a base whose items are known. */
  async #resources(links: LinkTable): Promise<Item[]> {
    const survivors = this.#base.items!.map((item, position) => this.#survivor(position, item)).filter((item) => item !== null);
    const inTurn = [...this.#newResources(), ...survivors];
    const items = this.#hasHole ? behindReferences(inTurn, links) : inTurn;
    if (this.#refreshed) await rebuildDependencies(items, links);
    const aliases = await normalizeUrns(items, links);
    if (aliases) this.#base.snippetAliases.push(aliases);
    return items;
  }

  #newResources(): Item[] {
    const dropped = new Set([...this.#dropNew].map((operation) => this.#indexOf.get(operation)));
    return this.#news.filter((_, index) => !dropped.has(index));
  }

  #survivor(position: number, item: Item): Item | null {
    if (this.#dropOld.has(position)) return null;
    const replacement = this.#replaceOld.get(position);
    if (replacement) return replacement; // marks do not apply to it
    if (this.#markPending.has(position)) edit(item, "pendingReplacement", "true");
    if (this.#markDelete.has(position)) edit(item, "delete", "true");
    return item;
  }

  #pending(): OperationRef[] {
    const open = [...this.#open].sort(([a], [b]) => a - b).map(([, operation]) => operation);
    return [...open, ...this.#base.pending.filter(({ creates }) => creates)];
  }

  async finish(): Promise<Folded> {
    const pending = this.#pending();
    const selection = this.#links ? inOrder(await this.#resources(this.#links)) : this.#onTheFly();
    for (const [ref, text] of this.#extensions) if (!this.#base.extensions.has(ref)) this.#base.extensions.set(ref, text);
    return { selection, pending, base: this.#base, byteString: this.#byteString };
  }

  #onTheFly(): Selection {
    return {
      first: this.#newResources(),
      at: (position) => {
        const item = this.#survivor(position, { from: position, facts: null, links: UNREAD, edits: null });
        return item ? [item] : [];
      },
    };
  }
}

/** However often the base was rebuilt, the resources of the base stream are still in their order. */
function inOrder(items: Item[]): Selection {
  let next = 0;
  const untilBase = (from: number) => {
    next = from;
    while (next < items.length && typeof items[next]!.from !== "number") next++;
    return next;
  };
  return {
    first: items.slice(0, untilBase(0)),
    at: (position) => (items[next]?.from === position ? items.slice(next, untilBase(next + 1)) : []),
  };
}
