import type { Context } from "hono";
import type { Env } from "../http/environment.ts";
import { loaded } from "../loaded.ts";
import { isScimPath } from "../scim/path.ts";
import { coreRoutes } from "./core.ts";
import { handlersOf } from "./register.ts";

const core = handlersOf(coreRoutes);

const stacks = loaded(() => import("./stacks.ts"));
const api = loaded(() => import("./api.ts"));
const scim = loaded(() => import("../scim/serve.ts"));
/** The console, which also answers a browser that asks for a page that does not exist. */
export const browser = loaded(() => import("./console.ts"));

export const isApiPath = (path: string): boolean => path === "/api" || path.startsWith("/api/");

/** The paths of the operations in `stacks.ts`. Operations that are only in `api.ts` may have such paths, too. */
export const stackPaths = /^\/api\/(console\/)?stacks\/|^\/api\/user\/stacks$|^\/api\/orgs\/[^/]+$/;

/**
 * Answers a request by the part of the Worker that has its path. What is not needed for the first answer of most clients is loaded here, when it is
 * first used. @returns undefined if no path matches
 */
export async function answer(c: Context<Env>): Promise<Response | undefined> {
  const { path } = c.req;
  const known = core.answer(c);
  if (known) return known;
  if (isScimPath(path)) return (await scim()).serveScim(c);
  if (!isApiPath(path)) return (await browser()).site.answer(c);
  const ofStack = stackPaths.test(path) ? (await stacks()).stackPart.answer(c) : undefined;
  return ofStack ?? (await api()).api.answer(c);
}
