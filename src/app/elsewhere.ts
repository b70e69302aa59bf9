import type { Context } from "hono";
import { missingPage } from "../console/page.tsx";
import { unknownOperation } from "../stubs/absent.ts";
import type { Env } from "../http/environment.ts";

/** Answers a request whose path no route takes. */
export function elsewhere(c: Context<Env>): Response | Promise<Response> {
  const { method, path } = c.req;
  const api = path === "/api" || path.startsWith("/api/");
  if (!api && method === "GET" && c.req.header("Accept")?.includes("text/html")) return missingPage(c);
  if (path === "/" && method === "GET") return c.json(greeting(new URL(c.req.url).origin));
  const refusal = unknownOperation(method, path).toResponseBody();
  if (backendHasPath.test(path))
    refusal.message = `${refusal.message.replace(/\.$/, "")}. PULUMI_BACKEND_URL is the origin alone, without a path`;
  return c.json(refusal, 404);
}

/** For a program, or a person with curl; a browser gets the console. */
const greeting = (origin: string) => ({
  name: "Stackpass",
  docs: `${origin}/api/openapi/pulumi-spec.json`,
  console: origin,
  api: `${origin}/api`,
});

/** The CLI's first calls, behind a path that was given to it as part of the backend. */
const backendHasPath = /^\/.+\/api\/(user|capabilities|cli\/version)$|^\/api\/api\//;
