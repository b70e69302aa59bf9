import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { modelReplay } from "../../state/model.ts";
import type { Entry, Recorder } from "./recorder.ts";

export interface Deployment {
  version: number;
  deployment: {
    manifest?: { version: string };
    resources?: { urn: string }[];
    pending_operations?: { type: string; resource: { urn: string } }[];
  };
}

/** The state without what the end of an update stamps on it. */
const timeless = (state: Deployment) => ({ ...state, deployment: { ...state.deployment, manifest: undefined } });

/**
 * Expects the state that the base and the state writes make, as the plain model of the replay says: everything that was
 * acknowledged, and of the rest at most what was on its way when somebody died.
 * @returns whether what was on its way had arrived
 */
export function expectAcknowledged(base: string, recorder: Recorder, found: Deployment): boolean {
  const writes = recorder.stateWrites();
  const acknowledged = writes.filter((write) => write.acknowledged);
  const states = [acknowledged, writes].map((some) => {
    const checkpoint = some.findLast(({ body }) => body.deployment);
    if (checkpoint) return { version: 3, deployment: checkpoint.body.deployment } as Deployment;
    const entries = some.flatMap(({ body }) => body.entries ?? []);
    return entries.length === 0 ? (JSON.parse(base) as Deployment) : replayed(base, entries);
  });
  const which = states.findIndex((state) => isDeepStrictEqual(timeless(state), timeless(found)));
  // Of the two that are right, show the difference to the first.
  if (which === -1) expect(timeless(found)).toEqual(timeless(states[0]!));
  return which === 1;
}

function replayed(base: string, entries: Entry[]): Deployment {
  const { deployment, ...state } = modelReplay(base, entries, "", "v0") as Deployment;
  return JSON.parse(JSON.stringify({ ...state, deployment })) as Deployment;
}
