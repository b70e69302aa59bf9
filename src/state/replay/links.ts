import { IntList } from "./intList.ts";
import { type Links, readLinks } from "../resource.ts";

/** Position of a resource's links in a `LinkTable`. */
export type LinksAt = number;
/** Position for a replay that does not need URNs. */
export const UNREAD: LinksAt = -1;

/**
 * The links of all resources of a state, which may have 100,000. It stores each URN once and the links as small integers in one list, with
 * about 60 bytes for each resource. Rows never change; a resource with changed links gets a new row.
 */
export class LinkTable {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** A row contains URN, parent, provider, deletedWith and viewOf, then the lists, each after its length. */
  readonly #rows = new IntList();

  read(bytes: Uint8Array, at: number): LinksAt {
    return this.add(readLinks(bytes, at));
  }

  add(links: Links): LinksAt {
    const rows = this.#rows;
    const row = rows.length;
    for (const name of [links.urn, links.parent, links.provider, links.deletedWith, links.viewOf]) rows.push(this.#number(name));
    for (const list of [links.dependencies, links.replaceWith, links.aliases]) this.#addList(list);
    rows.push(links.propertyDependencies.length);
    for (const [property, urns] of links.propertyDependencies) {
      rows.push(this.#number(property));
      this.#addList(urns);
    }
    return row;
  }

  #addList(names: readonly string[]): void {
    this.#rows.push(names.length);
    for (const name of names) this.#rows.push(this.#number(name));
  }

  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  urn(row: LinksAt): string {
    return this.#names[this.#rows.at(row)]!;
  }

  parent(row: LinksAt): string {
    return this.#names[this.#rows.at(row + 1)]!;
  }

  /** Returns a new object each time. Do not keep one for every resource. */
  get(row: LinksAt): Links {
    let at = row;
    const name = () => this.#names[this.#rows.at(at++)]!;
    const list = <T>(element: () => T): T[] => {
      const all: T[] = [];
      for (let left = this.#rows.at(at++); left > 0; left--) all.push(element());
      return all;
    };
    const [urn, parent, provider, deletedWith, viewOf] = [name(), name(), name(), name(), name()];
    const [dependencies, replaceWith, aliases] = [list(name), list(name), list(name)];
    const propertyDependencies = list(() => [name(), list(name)] as const);
    return { urn, parent, provider, deletedWith, viewOf, dependencies, replaceWith, aliases, propertyDependencies };
  }
}
