import { env } from "cloudflare:workers";
import { onTestFinished } from "vitest";
import type { Limits } from "../../src/limits.ts";

/** Sets a limit for the rest of the test. */
export function setLimit(name: keyof Limits, bytes: number): void {
  const vars = env as unknown as Record<string, unknown>;
  const variable = `MAX_${name.toUpperCase()}_BYTES`;
  const before = vars[variable];
  vars[variable] = String(bytes);
  onTestFinished(() => void (before === undefined ? delete vars[variable] : (vars[variable] = before)));
}
