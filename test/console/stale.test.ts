import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { HonoBase } from "hono/hono-base";
import { TrieRouter } from "hono/router/trie-router";
import { expect, it } from "vitest";
import type { Env } from "../../src/http/environment.ts";
import { requestContext } from "../../src/app/request.ts";
import { addPages, definePage } from "../../src/console/page.tsx";
import { PreconditionFailed } from "../../src/db/client.ts";
import { Handlers } from "../../src/http/handlers.ts";

/**
 * Requests a page whose work fails so many times because the reader's rights have changed. @returns the answer, and the number of attempts
 */
async function visit(changes: number) {
  let tries = 0;
  const page = definePage("GET", "/changing", "public", async () => {
    if (tries++ < changes) throw new PreconditionFailed();
    return { to: "/done" };
  });
  const app = new HonoBase<Env>({ router: new TrieRouter() });
  app.use(async (c, next) => {
    c.set("request", requestContext(c));
    await next();
  });
  const handlers = new Handlers();
  addPages(handlers, [page]);
  app.all("*", (c) => handlers.answer(c)!);
  const answer = await app.fetch(new Request("https://stackpass.test/changing"), env, createExecutionContext());
  return { answer, tries };
}

it("a reader whose rights change while a page is made is checked again each time", async () => {
  const { answer, tries } = await visit(3);
  expect([answer.status, tries]).toEqual([303, 4]);
});

it("a reader whose rights change each time is told to try again", async () => {
  const { answer, tries } = await visit(Infinity);
  expect([answer.status, answer.headers.get("Retry-After"), tries]).toEqual([503, "2", 10]);
  expect(await answer.text()).toContain("Nothing was changed");
});
