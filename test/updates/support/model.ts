import { type Resource, component } from "../../support/deployment.ts";

/** An update as its clients know it: it contains only what they were told. */
export interface ModelUpdate {
  id: string;
  /** Number of the stack, counted from the first: a stack that was removed and created again has another number. */
  stack: number;
  dryRun: boolean;
  token: string;
  lease: string | undefined;
  version: number | undefined;
  journaling: boolean;
  /** A client was told of the end, or must assume it: the lease expired long ago, or the token and its updates were ended. */
  over: boolean;
  /** A preview whose stack was renamed or removed meanwhile. The model does not say whether its lease is still valid. */
  left: boolean;
  /** Names of resources, in the order in which they were acknowledged. */
  journaled: string[];
  /** The latest whole state that was acknowledged; several if they were sent at the same moment. */
  wholes: string[][];
  /** The moment of the latest whole state. */
  moment: number;
  nextEntry: number;
  held: object[][];
  sent: object[][];
}

export interface Model {
  stack: number;
  name: string;
  updates: ModelUpdate[];
  /** The imported states, by the id of their entry in the history. */
  imports: Map<string, string[]>;
  /** The newest version of this stack that any client has seen. */
  version: number;
  /** What the history said about ended updates: this must not change. */
  written: Map<number, string>;
  names: number;
  /** Number of moments so far. */
  moment: number;
}

export const newModel = (name: string): Model => ({
  stack: 0,
  name,
  updates: [],
  imports: new Map(),
  version: 0,
  written: new Map(),
  names: 0,
  moment: 0,
});

/** Names of resources that no other step has made. */
export const newNames = (model: Model, count: number): string[] => Array.from({ length: count }, () => `r${++model.names}`);

/** The update that a step refers to, counted from the newest one. */
export const updateAt = ({ updates }: Model, at: number): ModelUpdate | undefined => updates.at(-1 - (at % (updates.length || 1)));

export const resourcesOf = (names: string[]): Resource[] => names.map((name) => component(name));

/** The states that the stack may have with this history, computed from its first version on. */
export function statesAfter(model: Model, history: { updateID: string; version: number }[]): string[][] {
  let states: string[][] = [[]];
  for (const { updateID } of history.toSorted((a, b) => a.version - b.version)) {
    const imported = model.imports.get(updateID);
    const update = model.updates.find(({ id }) => id === updateID);
    if (imported) states = [imported];
    else if (update && update.wholes.length > 0) states = update.wholes;
    else if (update) states = states.map((state) => [...state, ...update.journaled]);
  }
  return states.map((state) => state.toSorted());
}
