import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { modelReplay } from "../../state/model.ts";
import type { Entry, Recorder, StateWrite } from "./recorder.ts";

export interface Deployment {
  version: number;
  deployment: {
    manifest?: { version: string };
    resources?: { urn: string }[];
    pending_operations?: { type: string; resource: { urn: string } }[];
  };
}

/** The state without the manifest, which the end of an update writes. */
const timeless = (state: Deployment) => ({ ...state, deployment: { ...state.deployment, manifest: undefined } });

/**
 * Expects the state that results from the base and the state writes by the plain model of the replay. It has everything that was
 * acknowledged, and of the rest at most what was under way when a connection broke. A client sends one write at a time (cli-protocol
 * §4.8.3). While the server does not run, the client gives up one write and tries the next, and a restart breaks connections twice. So any
 * two writes may have arrived.
 * @returns whether a write had arrived although its answer was lost
 */
export function expectAcknowledged(base: string, recorder: Recorder, found: Deployment): boolean {
  // A repeated write has the same bytes, and each attempt may have arrived.
  const writes = recorder.stateWrites().map(({ acknowledged, body }) => ({ acknowledged, body, text: JSON.stringify(body) }));
  const known = writes.filter(({ acknowledged }) => acknowledged).map(({ text }) => text);
  const lost = [...new Set(writes.map(({ text }) => text))].filter((text) => !known.includes(text));
  const stateWith = (...arrived: string[]) =>
    stateOf(
      base,
      writes.filter(({ acknowledged, text }) => acknowledged || arrived.includes(text)),
    );
  const isFound = (state: Deployment) => isDeepStrictEqual(timeless(state), timeless(found));
  if (isFound(stateWith())) return false;
  if (lost.some((one, i) => lost.slice(i).some((other) => isFound(stateWith(one, other))))) return true;
  // If no expected state matches, show the difference from the first one.
  expect(timeless(found)).toEqual(timeless(stateWith()));
  return false;
}

function stateOf(base: string, writes: { body: StateWrite }[]): Deployment {
  const checkpoint = writes.findLast(({ body }) => body.deployment);
  if (checkpoint) return { version: 3, deployment: checkpoint.body.deployment } as Deployment;
  const entries = writes.flatMap(({ body }) => body.entries ?? []);
  return entries.length === 0 ? (JSON.parse(base) as Deployment) : replayed(base, entries);
}

function replayed(base: string, entries: Entry[]): Deployment {
  const { deployment, ...state } = modelReplay(base, entries, "", "v0") as Deployment;
  return JSON.parse(JSON.stringify({ ...state, deployment })) as Deployment;
}
