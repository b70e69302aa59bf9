import { MOST_RESULTS } from "./discovery.ts";
import { invalidValue } from "./fault.ts";

/** The page that a list asks for: it begins at `startIndex`, which counts from 1 (identity-facts C-24). @throws 400 */
export function pageOf(query: URLSearchParams): { startIndex: number; count: number } {
  const startIndex = Math.max(1, wholeNumber(query, "startIndex") ?? 1);
  const count = Math.min(MOST_RESULTS, Math.max(0, wholeNumber(query, "count") ?? MOST_RESULTS));
  return { startIndex, count };
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw invalidValue(`${name} is a whole number.`);
  return Number(text);
}
