/** Valid bodies of the calls whose schema is only "an object". Every stored text contains `mark`. */
const stackUrn = "urn:pulumi:dev::web::pulumi:pulumi:Stack::web-dev";
const stack = (mark: string) => ({ urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack", outputs: { shown: mark } });
const thing = (mark: string) => ({
  urn: `urn:pulumi:dev::web::my:index:Thing::${mark}`,
  custom: false,
  type: "my:index:Thing",
  parent: stackUrn,
  inputs: { text: mark },
});
const deployment = (mark: string) => ({
  manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" },
  resources: [stack(mark), thing(mark)],
});
const entry = (sequenceID: number, operationID: number, kind: number, more: object) => ({
  version: 1,
  kind,
  sequenceID,
  operationID,
  removeOld: null,
  removeNew: null,
  ...more,
});
const event = (sequence: number, mark: string) => ({ sequence, timestamp: 1, stdoutEvent: { message: mark, color: "never" } });

export const bodies = {
  create: (mark: string) => ({
    name: "web",
    runtime: "yaml",
    options: { dryRun: false },
    config: { "web:text": { string: mark, secret: false, object: false } },
    metadata: { message: mark, environment: { "git.author": mark } },
  }),
  import: (mark: string) => ({ version: 3, deployment: deployment(mark) }),
  checkpoint: (mark: string) => ({ isInvalid: false, version: 3, deployment: deployment(mark) }),
  journal: (mark: string) => ({
    entries: [
      entry(1, 0, 6, { secretsProvider: { type: "service", state: { owner: "acme", project: "web", stack: "dev" } } }),
      entry(2, 1, 0, { operation: { resource: thing(mark), type: "creating" } }),
      entry(3, 1, 1, { state: thing(mark) }),
    ],
  }),
  events: (mark: string) => ({
    events: [
      event(0, mark),
      { sequence: 1, timestamp: 1, diagnosticEvent: { urn: stackUrn, message: mark, severity: "info", color: "never" } },
      { sequence: 2, timestamp: 1, resOutputsEvent: { metadata: { op: "create", urn: thing(mark).urn, new: { parent: stackUrn } } } },
      { sequence: 3, timestamp: 1, resOpFailedEvent: { metadata: { op: "update", urn: stackUrn, new: null, old: { parent: "" } } } },
      { sequence: 4, timestamp: 1, summaryEvent: { maybeCorrupt: false, durationSeconds: 1, resourceChanges: { create: 1, same: 1 } } },
    ],
  }),
  event: (mark: string) => event(0, mark),
};

/** A valid body for an operation whose schema does not describe it, by the end of the path. */
export function bodyFor(path: string): unknown {
  const last = path.split("/").at(-1) ?? "";
  switch (last) {
    case "import":
      return bodies.import("a");
    case "checkpoint":
      return bodies.checkpoint("a");
    case "journalentries":
      return bodies.journal("a");
    case "batch":
      return path.endsWith("/events/batch") ? bodies.events("a") : undefined;
    case "events":
      return bodies.event("a");
    case "update":
    case "preview":
    case "destroy":
    case "refresh":
      return bodies.create("a");
    default:
      return path.endsWith("/{updateID}") ? { journalVersion: 1 } : undefined;
  }
}
