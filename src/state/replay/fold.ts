/** Applies the journal's entries to the base (cli-protocol §4.8.4). It works with the positions of texts and reads no text. */
import type { Base, OperationRef } from "./base.ts";
import { type Ref, type ResourceRef, edit } from "./resourceRef.ts";
import { Kind } from "../journal.ts";
import { UNREAD, type LinkTable } from "./links.ts";
import { behindReferences } from "./order.ts";
import { type ReplayStep, refTo, resourceRefOf } from "./steps.ts";
import { normalizeUrns, rebuildDependencies } from "./urns.ts";

/** The resources of the result, in the order in which they are written while the base stream is read. */
export interface Selection {
  /** The resources before the first one of the base stream. */
  first: ResourceRef[];
  /** The resources that replace the base stream's resource at `position`. Call this once for each position, in order. */
  at(position: number): ResourceRef[];
}

export interface Folded {
  selection: Selection;
  pending: OperationRef[];
  base: Base;
  /** An entry requires the feature. */
  byteString: boolean;
}

export class Fold {
  #base: Base;
  #news: ResourceRef[] = [];
  /** Position in `news` by operation id. */
  #indexOf = new Map<number, number>();
  #dropNew = new Set<number>();
  #dropOld = new Set<number>();
  #replaceOld = new Map<number, ResourceRef>();
  #markDelete = new Set<number>();
  #markPending = new Set<number>();
  /** The operations that have begun and not ended, by their id. */
  #open = new Map<number, OperationRef>();
  #extensions = new Map<string, Ref>();
  #refreshed = false;
  #byteString = false;
  readonly #links: LinkTable | null;
  readonly #hasHole: boolean;

  /**
   * @param links the links of all items; null when they are not known
   * @param hasHole whether entries are missing; then the links must be known
   */
  constructor(base: Base, links: LinkTable | null, hasHole: boolean) {
    this.#base = base;
    this.#links = links;
    this.#hasHole = hasHole;
  }

  /** Applies one step. Returns a promise when the step takes long. */
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
      this.#news.push(resourceRefOf(step));
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
    if (removeOld !== null) this.#replaceOld.set(removeOld, resourceRefOf(step));
    if (removeNew !== null) this.#withNew(removeNew, (index) => (this.#news[index] = resourceRefOf(step)));
  }

  #markNew(operation: number, member: string): void {
    this.#withNew(operation, (index) => edit(this.#news[index]!, member, "true"));
  }

  /**
   * Ignores a reference to an operation that has no resource, because it failed or is unknown. (Upstream changes the first resource then.)
   */
  #withNew(operation: number, change: (index: number) => void): void {
    const index = this.#indexOf.get(operation);
    if (index !== undefined) change(index);
  }

  /** Makes the result so far the new base. Later entries refer to its positions. */
  async #rebuild(): Promise<void> {
    this.#base.items = await this.#resources(this.#links!);
    this.#base.pending = this.#pending();
    // An extension of the base takes precedence over a new one with the same name.
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

  /** The resources so far: first the new ones, then the remaining ones of the base. The items of the base must be known. */
  async #resources(links: LinkTable): Promise<ResourceRef[]> {
    const survivors = this.#base.items!.map((item, position) => this.#survivor(position, item)).filter((item) => item !== null);
    const inTurn = [...this.#newResources(), ...survivors];
    const items = this.#hasHole ? behindReferences(inTurn, links) : inTurn;
    if (this.#refreshed) await rebuildDependencies(items, links);
    const aliases = await normalizeUrns(items, links);
    if (aliases) this.#base.snippetAliases.push(aliases);
    return items;
  }

  #newResources(): ResourceRef[] {
    const dropped = new Set([...this.#dropNew].map((operation) => this.#indexOf.get(operation)));
    return this.#news.filter((_, index) => !dropped.has(index));
  }

  #survivor(position: number, item: ResourceRef): ResourceRef | null {
    if (this.#dropOld.has(position)) return null;
    const replacement = this.#replaceOld.get(position);
    if (replacement) return replacement; // the marks apply only to the old resource
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

/** A selection of these items. The resources of the base stream are in their original order, even if the base was rebuilt. */
function inOrder(items: ResourceRef[]): Selection {
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
