import { type Resource, component } from "../../support/deployment.ts";

/** An update as its clients believe it to be: what they were told, and nothing else. */
export interface ModelUpdate {
  id: string;
  /** Of which stack, counted from the first: a stack that was removed is another one afterwards. */
  stack: number;
  dryRun: boolean;
  token: string;
  lease: string | undefined;
  version: number | undefined;
  journaling: boolean;
  /** Somebody was told of its end, or must believe in it: a lease that is long over, a token that was ended with its updates. */
  over: boolean;
  /** A preview whose stack was renamed or removed meanwhile: whether its lease still opens anything is not foreseen. */
  left: boolean;
  /** Names that were acknowledged one after the other. */
  journaled: string[];
  /** States that were acknowledged as the whole, the latest; several when they were sent at the same moment. */
  wholes: string[][];
  /** When the latest of them was. */
  moment: number;
  nextEntry: number;
  held: object[][];
  sent: object[][];
}

export interface Model {
  stack: number;
  name: string;
  updates: ModelUpdate[];
  /** By the id of their entry in the history. */
  imports: Map<string, string[]>;
  /** The newest version that anybody was shown of this stack. */
  version: number;
  /** What the history said of updates that are over: it must say it for ever. */
  written: Map<number, string>;
  names: number;
  /** Moments that have been. */
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

/** Resources that no other step has made. */
export const newNames = (model: Model, count: number): string[] => Array.from({ length: count }, () => `r${++model.names}`);

/** The update that a step means: the newest ones first. */
export const updateAt = ({ updates }: Model, at: number): ModelUpdate | undefined => updates.at(-1 - (at % (updates.length || 1)));

export const resourcesOf = (names: string[]): Resource[] => names.map((name) => component(name));

/** The states that the stack may have when the history is this: by a fold from its first version on. */
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
