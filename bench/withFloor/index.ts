/**
 * Our Worker, and beside it what only a benchmark asks for: the least that a Worker can do, one Hono route that answers a constant; and
 * how many of so many invented tokens pass the check digits.
 */
import { Hono } from "hono";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";

export { StackCoordinator } from "../../src/index.ts";

const bare = new Hono<{ Bindings: Bindings }>()
  .get("/bench/floor", (c) => c.json({ githubLogin: "acme", name: "acme", organizations: [] }))
  .get("/bench/junk", async (c) => {
    let passed = 0;
    for (let i = Number(c.req.query("count")); i > 0; i--) {
      const digits = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => byte.toString(16).padStart(2, "0"));
      if (await hashTokenValue(peppersOf(c.env.TOKEN_PEPPER), `pul-${digits.join("")}`)) passed++;
    }
    return c.text(String(passed));
  });

export default {
  ...worker,
  fetch: (request, env, ctx) =>
    (request.url.includes("/bench/") && !request.url.includes("/api/") ? bare : worker).fetch(request, env, ctx),
} satisfies ExportedHandler<Bindings>;
