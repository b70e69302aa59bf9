/** Makes states and journal entries, no larger than a test needs. */
export interface Resource {
  urn: string;
  custom: boolean;
  type: string;
  inputs?: Record<string, unknown>;
}

export const rootStack: Resource = { urn: "urn:pulumi:dev::web::pulumi:pulumi:Stack::web-dev", custom: false, type: "pulumi:pulumi:Stack" };

export const component = (name: string, inputs: Record<string, unknown> = {}): Resource => ({
  urn: `urn:pulumi:dev::web::my:index:Thing::${name}`,
  custom: false,
  type: "my:index:Thing",
  inputs,
});

export const deploymentOf = (resources: Resource[]) => ({
  version: 3,
  deployment: { manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" }, resources },
});

/** The entry that the engine sends first in every update. */
export const secretsManager = {
  version: 1,
  kind: 6,
  sequenceID: 1,
  operationID: 0,
  removeOld: null,
  removeNew: null,
  secretsProvider: { type: "service", state: { owner: "acme", project: "web", stack: "dev" } },
};

/** The entry for a creation that has begun: the resource is pending. */
export const begins = (sequenceID: number, operationID: number, resource: Resource) => ({
  version: 1,
  kind: 0,
  sequenceID,
  operationID,
  removeOld: null,
  removeNew: null,
  operation: { resource, type: "creating" },
});

/** The entry for a creation that has succeeded. */
export const succeeds = (sequenceID: number, operationID: number, state: Resource) => ({
  version: 1,
  kind: 1,
  sequenceID,
  operationID,
  removeOld: null,
  removeNew: null,
  state,
});

/** All entries of an update that creates `resources`. */
export const creates = (...resources: Resource[]) => [
  secretsManager,
  ...resources.flatMap((resource, i) => [begins(2 * i + 2, i + 1, resource), succeeds(2 * i + 3, i + 1, resource)]),
];

export interface Exported {
  version: number;
  deployment: { resources?: Resource[]; pending_operations?: { resource: Resource; type: string }[] };
}
