import type { Context } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { tryDecodeURIComponent } from "hono/utils/url";
import type { Env } from "./environment.ts";

type Handler = (c: Context<Env>) => Promise<Response>;

/**
 * The handlers of one part of the Worker, by method and path. Parts are loaded at different times. Each has a router of its own, so that the order
 * of loading never decides which of two paths matches. This router supports a name and a parameter at the same place of a path.
 */
export class Handlers {
  readonly #router = new TrieRouter<Handler>();

  /** Adds a handler. If several match, the one that was added first answers. @param path parameters are written as `:name` */
  add(method: string, path: string, handler: Handler): void {
    this.#router.add(method, path, handler);
  }

  /** Answers a request; HEAD is answered by GET, and Hono drops the body. @returns undefined if no path matches */
  answer(c: Context<Env>): Promise<Response> | undefined {
    const { method, path } = c.req;
    const [first] = this.#router.match(method === "HEAD" ? "GET" : method, path)[0];
    if (!first) return undefined;
    const [handler, params] = first as [Handler, Record<string, string>];
    c.set("params", Object.fromEntries(Object.entries(params).map(([name, value]) => [name, tryDecodeURIComponent(value)])));
    return handler(c);
  }
}
