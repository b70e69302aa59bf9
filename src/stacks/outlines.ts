import type { OrgContext } from "../context.ts";
import { type Outline, outlineOf } from "../state/outline.ts";
import { openState } from "./resources.ts";
import type { StoredState } from "./stateAt.ts";

/** Maximum number of bytes of all outlines in memory, and of one of them. An outline of 10,000 resources has about 3 MB. */
const ROOM = 8 * 1024 * 1024;
/** Estimated number of bytes of an entry without its outline, so that the number of entries has a bound. */
const ENTRY = 1000;

/**
 * The outlines of the states that this isolate read last, by their keys in R2; undefined for a state that is too large. A key is never
 * written twice, so an outline is never out of date. Each caller that gets one has the right to export the state, because the key comes
 * from `takeState`.
 */
const kept = new Map<string, Outline | undefined>();
let used = 0;

/** @returns undefined for a state that is too large, which must be read as a stream */
export async function openOutline(ctx: OrgContext, state: StoredState): Promise<Outline | undefined> {
  const { stateKey } = state;
  if (stateKey !== null && kept.has(stateKey)) {
    const outline = kept.get(stateKey);
    // A map keeps the order in which keys are set, so the first is the one that was not used for the longest time.
    kept.delete(stateKey);
    kept.set(stateKey, outline);
    return outline;
  }
  const outline = await outlineOf((await openState(ctx, state)).chunks, ROOM - ENTRY);
  if (stateKey !== null) keep(stateKey, outline);
  return outline;
}

const sizeOf = (outline: Outline | undefined) => ENTRY + (outline?.size ?? 0);

function keep(stateKey: string, outline: Outline | undefined): void {
  // Another request may have read the same state meanwhile.
  if (kept.has(stateKey)) return;
  kept.set(stateKey, outline);
  used += sizeOf(outline);
  for (const [key, oldest] of kept) {
    if (used <= ROOM) return;
    kept.delete(key);
    used -= sizeOf(oldest);
  }
}
