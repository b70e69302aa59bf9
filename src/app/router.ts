import type { Result, Router } from "hono/router";
import { TrieRouter } from "hono/router/trie-router";

/** Routes with this path are for every request. */
const EVERYWHERE = "/*";
/** The area of everything outside of the API, and of paths of the API that nothing has. */
const ELSEWHERE = "";

/** The area of the API that a path belongs to, for example `/api/stacks`. */
const areaOf = (path: string): string => /^\/api\/[^/:*]+/.exec(path)?.[0] ?? ELSEWHERE;

/**
 * Hono's trie of routes, one for each area of the API and one for everything else. A trie is built at the first request of its area: most isolates serve
 * commands, which need two areas of the API and no page. A path of an area has no route elsewhere: the console has no pages below `/api`.
 */
export class AreaRouter<T> implements Router<T> {
  readonly name = "AreaRouter";
  readonly #routes: [area: string, ...route: Parameters<Router<T>["add"]>][] = [];
  readonly #areas = new Set<string>();
  readonly #tries = new Map<string, TrieRouter<T>>();

  add(method: string, path: string, handler: T): void {
    const area = path === EVERYWHERE ? EVERYWHERE : areaOf(path);
    this.#areas.add(area);
    this.#routes.push([area, method, path, handler]);
  }

  match(method: string, path: string): Result<T> {
    const area = areaOf(path);
    return this.#trieOf(this.#areas.has(area) ? area : ELSEWHERE).match(method, path);
  }

  #trieOf(area: string): TrieRouter<T> {
    const built = this.#tries.get(area);
    if (built) return built;
    const trie = new TrieRouter<T>();
    for (const [of, ...route] of this.#routes) if (of === area || of === EVERYWHERE) trie.add(...route);
    this.#tries.set(area, trie);
    return trie;
  }
}
