import type { Context } from "hono";
import { unknownOperation } from "../stubs/absent.ts";
import { originOf } from "../http/origin.ts";
import type { Env } from "../http/environment.ts";
import { browser, isApiPath } from "./parts.ts";

/** Answers a request that no route matches. */
export async function elsewhere(c: Context<Env>): Promise<Response> {
  const { method, path } = c.req;
  const isPage = !isApiPath(path) && method === "GET" && c.req.header("Accept")?.includes("text/html");
  if (isPage) return (await browser()).missingPage(c);
  if (path === "/" && method === "GET") return c.json(greeting(originOf(c.env, c.req)));
  const refusal = unknownOperation(method, path).toResponseBody();
  if (backendHasPath.test(path))
    refusal.message = `${refusal.message.replace(/\.$/, "")}. PULUMI_BACKEND_URL must be the origin only, without a path`;
  return c.json(refusal, 404);
}

/** An answer for a program, or a person with curl; a browser gets the console. */
const greeting = (origin: string) => ({
  name: "Stackpass",
  docs: `${origin}/api/openapi/pulumi-spec.json`,
  console: origin,
  api: `${origin}/api`,
});

/** Paths of the CLI's first calls. If the backend's URL has a path by mistake, the CLI adds these paths to it. */
const backendHasPath = /^\/.+\/api\/(user|capabilities|cli\/version)$|^\/api\/api\//;
