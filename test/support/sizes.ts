/** How much the tests repeat what they do at random or in bulk. `vitest.shared.ts` chooses the numbers; a test reads them with `inject("sizes")`. */
export interface Sizes {
  /** Factor for the number of runs of a property, in comparison with `npm test`: `numRuns: 200 * inject("sizes").runs`. */
  runs: number;
  /** Number of rounds of 84 deletions that race with a use of the token, for each kind of use. */
  deletionRounds: number;
  /** Number of audit events in test/audit/faults.test.ts. */
  auditEvents: number;
  /** Number of sequences of calls in test/updates/protocol.property.test.ts. */
  fuzzRuns: number;
  /** Number of faults in the end of an update in test/coordinator/endFaults.property.test.ts. */
  endFaults: number;
  /** Number of trees of credentials in test/lineage/trees.property.test.ts. */
  trees: number;
  /** Number of worlds of roles, teams and grants in test/access/worlds.property.test.ts. */
  worlds: number;
  /** Number of policies and claims in test/oidc/evaluate.property.test.ts. */
  policies: number;
  /** Number of calls in each half of a search in test/access/sequences.test.ts. */
  sequenceCalls: number;
  /** Number of kills of a server or of the CLI in the middle of an update. */
  kills: number;
  /** Number of servers that are killed at the same time. */
  lanes: number;
  /** Number of races of two CLIs. */
  races: number;
  /** Number of kills of a server whose queue holds audit events. */
  auditKills: number;
  /** Number of stacks that are moved from a folder to the server, and to another folder. */
  folderStacks: number;
  /** Number of requests of SCIM in which a random value replaces a part. */
  scimMutations: number;
  /** Number of responses of SAML with a random change. */
  samlMutations: number;
  /** Number of races of a deactivation with writes of the person. */
  scimRaces: number;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Whether this is the long form: `it.runIf(inject("long"))` is for a test that repeats at length what another test shows. */
    long: boolean;
    sizes: Sizes;
    /** The seed of random choices: with the seed that a run printed, the same choices are made again. */
    seed: number;
  }
}
