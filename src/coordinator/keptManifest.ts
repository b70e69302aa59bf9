/** How what an ended update had written is kept in R2. The operator's scripts read it too. */
import type { KeptJournal } from "../updates/table.ts";

/** Where the journal of an update is that ended with the state before it. */
export const keptUnder = (updateId: string) => `journals/${updateId}/`;
export const manifestKey = (updateId: string) => `${keptUnder(updateId)}run.json`;

/** What `npm run journal` needs to work out the state that the update would have made. Written last: the parts are there before it. */
export interface KeptManifest {
  updateId: string;
  /** `organization/project/stack` at that time. */
  stack: string;
  /** Version that the update would have made. */
  version: number;
  why: KeptJournal;
  /** Milliseconds since 1970. */
  endedAt: number;
  /** Of the state that the update started from; null: the empty one. */
  baseKey: string | null;
  baseIsAliasFree: boolean;
  cliVersion: string;
  /** `journal`: batches of entries. `checkpoint`: the last full checkpoint. */
  form: "journal" | "checkpoint";
  /** Names of the parts, in the order of their arrival. One that ends with `.gz` is as the client compressed it. */
  files: string[];
}
