/** Generates hostile queries and forms for the console's pages, with and without a session. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { root } from "../../scripts/wrangler.ts";
import { hostileText } from "./hostile.ts";
import { MOST_PAGE } from "./judge.ts";
import type { Sent } from "./send.ts";

export interface Page {
  method: "GET" | "POST";
  /** Path with parameters as `:name`. */
  path: string;
  /** Names of the fields and query parameters in the page's file. */
  names: string[];
}

/** Finds the pages in the source text, because Node cannot run the console's JSX files. */
export function pagesOf(): Page[] {
  return globSync("src/console/**/*.tsx", { cwd: root }).flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const constants = new Map([...source.matchAll(/const (\w+) = [`"]([^`"]*)[`"]/g)].map(([, name, text]) => [name!, text!]));
    const resolve = (text: string): string =>
      text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => resolve(constants.get(name) ?? "/:orgName/:projectName/:stackName"));
    const names = [
      ...new Set([...source.matchAll(/(?:name="|form\["|query\.get\("|form\.|searchParams\.get\(")(\w+)/g)].map(([, name]) => name!)),
    ];
    return [...source.matchAll(/definePage\(\s*"(GET|POST)",\s*(?:[`"]([^`"]+)[`"]|(\w+))/g)].map(([, method, text, name]) => ({
      method: method as "GET" | "POST",
      path: resolve(text ?? constants.get(name!) ?? ""),
      names,
    }));
  });
}

/** A request for a page, with the headers of a same-origin request. */
export function pageRequests({ method, path, names }: Page, known: Record<string, string[]>): fc.Arbitrary<Sent> {
  const value = fc.oneof(
    hostileText,
    fc.constantFrom(...(Object.values(known).flat() as [string, ...string[]])),
    fc.constantFrom("1", "0", "on", "2026-11-25", "read"),
  );
  const pairs = fc
    .array(fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names, "x") }, { weight: 1, arbitrary: hostileText }), value), {
      maxLength: 6,
    })
    .map((fields) =>
      fields.map(([name, text]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(text.toWellFormed())}`).join("&"),
    );
  const segments = path.split("/").map((segment): fc.Arbitrary<string> => {
    const [, name, pattern] = /^:(\w+)(\{.*\})?$/.exec(segment) ?? [];
    if (!name) return fc.constant(segment);
    if (pattern) return fc.constantFrom("1", "2", "99999999999999999999", "0");
    const parameter = name === "login" ? "userLogin" : name;
    return fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...(known[parameter] ?? ["x"])).map(encodeURIComponent) },
      { weight: 1, arbitrary: hostileText.map((text) => encodeURIComponent(text.toWellFormed())) },
    );
  });
  return fc.record({ segments: fc.tuple(...segments), query: pairs, form: pairs }).map(({ segments: parts, query, form }) => ({
    method,
    path: `${parts.join("/")}${query && `?${query}`}`,
    headers: {
      Accept: "text/html",
      "Sec-Fetch-Site": "same-origin",
      ...(method === "POST" && { "Content-Type": "application/x-www-form-urlencoded" }),
    } as Record<string, string>,
    body: method === "POST" ? form : undefined,
  }));
}

/** @returns the faults of a page */
export function pageFaults(status: number, contentType: string, body: string, foreign: string): string[] {
  const found: string[] = [];
  if (status >= 500) found.push(`answers ${status}`);
  if (status >= 400 && Buffer.byteLength(body) > MOST_PAGE) found.push(`is a refusal of ${Buffer.byteLength(body)} bytes`);
  if (body.includes(foreign)) found.push("gives away data of globex");
  if (contentType.startsWith("text/html") && body.includes("<script>alert(1)")) found.push("contains an unescaped script");
  return found;
}
