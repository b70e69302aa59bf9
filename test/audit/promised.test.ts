import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { toBase64, toBase64url } from "../../src/bytes/base64.ts";
import type { Route } from "../../src/http/route.ts";
import { encrypt } from "../../src/secrets/cipher.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { type Call, call, ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { noPromises } from "../support/faults.ts";
import { freshBindings } from "../support/fresh.ts";
import { type GoodCall, addPeople, goodCall, refusedToAll } from "../support/goodCall.ts";
import { signatureOf } from "../support/scanner.ts";
import { records } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

/** What a route did: first while no event can be stored in the outbox, and then again. */
interface Outcome {
  method: string;
  /** The answer while no event can be stored in the outbox, and whether anything was changed nevertheless. */
  status: number;
  answer: string;
  changed: boolean;
  /** Whether the call succeeded when events could be stored again, and what it added to the log. */
  succeeded: boolean;
  events: AuditEvent[];
}

const outcomes = new Map<string, Outcome>();

/** Why a call that is not a GET leaves no event. */
const unaudited: Record<string, string> = {
  UpdateDefaultOrganization: "a person's own preference, which changes nobody's rights",
  ProjectExists: "it only reads",
  EncryptValue: "no secret leaves",
  BatchEncryptValue: "no secret leaves",
  CreateUpdateFor: "the start of the update is the event",
  RenewUpdateLease: "the start and the end of the update are the events",
  CreateJournalEntries: "the start and the end of the update are the events",
  PatchUpdateCheckpoint: "the start and the end of the update are the events",
  RecordEngineEvent: "the start and the end of the update are the events",
  RecordEngineEventBatch: "the start and the end of the update are the events",
  AppendUpdateLogEntry: "the start and the end of the update are the events",
};
/** Routes that differ in their kind of update alone, or in an older path, have one name. */
const nameOf = (operationId: string) => operationId.split("_")[0]!.replace(/^(CreateUpdateFor).*/, "$1");
const reasonOf = (operationId: string) => unaudited[nameOf(operationId)];

/** Every route runs in one world, each with its own objects. */
beforeAll(async () => {
  await freshBindings();
  const world = await newWorld();
  await addPeople();
  const itself = await newOrgToken(world, "itself", { mayRotateItself: true });
  for (const { definition } of routes.filter((route) => !refusedToAll.includes(route.definition.operationId))) {
    const { path, lease, json, headers } = await tellingCall(world, definition);
    const ask = () => call(definition.method, path, { ...callerOf(world, definition, lease, itself.tokenValue), json, headers });
    await settledLog();
    const before = JSON.stringify(await records());
    const restore = await noPromises();
    const first = await ask();
    const answer = await first.text();
    const changed = JSON.stringify(await records()) !== before;
    await restore();
    let second = first;
    const events = await eventsOf(async () => {
      second = await ask();
      await second.text();
    });
    outcomes.set(definition.operationId, {
      method: definition.method,
      status: first.status,
      answer,
      changed,
      succeeded: second.ok,
      events,
    });
    if (definition.operationId === "AcceptOrgInvite") await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
  }
}, 600_000);

function callerOf(world: World, { permission, operationId }: Route["definition"], lease: string, itself: string): Call {
  if (permission === "lease") return { lease };
  if (permission === "operator") return { token: env.OPERATOR_TOKEN };
  if (operationId === "AcceptOrgInvite") return { token: world.stranger };
  if (operationId === "RotateThisToken") return { token: itself };
  return { token: world.admin };
}

/** A successful call that changes something. */
async function tellingCall(world: World, definition: Route["definition"]): Promise<Pick<GoodCall, "path" | "json" | "headers" | "lease">> {
  const good = await goodCall(world, definition);
  const token = world.admin;
  switch (definition.operationId) {
    case "UpdateOrgToken":
    case "UpdateTeamToken":
      return { ...good, json: { description: "another" } };
    case "UpdateOrganizationSettings":
      return { ...good, json: { setInFlightRevocation: "abort" } };
    case "AcceptMembership":
      await env.DB.prepare("UPDATE members SET accepted_at = NULL WHERE user_id = (SELECT id FROM users WHERE login = 'ada')").run();
      return good;
    case "EnableOrgToken":
    case "EnableTeamToken":
      await ok("POST", good.path.replace(/\/enable$/, "/disable"), { token });
      return good;
    case "ReportTokenLeak":
      return { ...good, json: { token: (await newOrgToken(world, "leaked")).tokenValue } };
    case "ReportTokenLeaks": {
      const json = [{ token: (await newOrgToken(world, "found")).tokenValue, type: "x", url: "", source: "content" }];
      return { ...good, json, headers: { "X-Hub-Signature-256": await signatureOf(JSON.stringify(json)) } };
    }
    case "ReencryptStack": {
      const stack = good.path.replace(/\/reencrypt$/, "");
      const { id } = await ok<{ id: string }>("GET", stack, { token });
      const ciphertext = toBase64(await encrypt(env.ENCRYPTION_KEYS.split(",")[1]!, id, new TextEncoder().encode("s")));
      const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext };
      const state = deploymentOf([rootStack, Object.assign(component("a"), { outputs: { secret } })]);
      await ok("POST", `${stack}/import`, { token, json: state });
      return good;
    }
    case "ReencryptOrganizationSecrets": {
      const id = crypto.randomUUID();
      const sealed = toBase64url(await encrypt(env.ENCRYPTION_KEYS.split(",")[1]!, `connection:${id}`, new TextEncoder().encode("s")));
      await env.DB.prepare(
        `INSERT INTO connections (id, org_id, kind, name, issuer, client_id, client_secret, allowed_domains, first_role, group_claim, group_scope,
          group_mappings, enabled, created_at, modified_at, made_with)
         SELECT ?, id, 'oidc', 'old', ?, 'c', ?, '[]', 'member', '', '', '[]', 0, 0, 0, '' FROM organizations WHERE name = 'acme'`,
      )
        .bind(id, `https://${id}.example`, sealed)
        .run();
      return good;
    }
    default:
      return good;
  }
}

it("has an example call that succeeds at every route", () => {
  for (const [operationId, { succeeded }] of outcomes) expect([operationId, succeeded]).toEqual([operationId, true]);
});

it("a call whose event cannot be stored is a 503 that changes nothing and reveals nothing, whatever the call is", () => {
  // The operations that must leave an event, whether or not they did. If a call changed something without an event, its repetition finds
  // nothing left to change.
  const audited = [...outcomes].filter(
    ([operationId, { method, events }]) => events.length > 0 || (method !== "GET" && reasonOf(operationId) === undefined),
  );
  expect(audited.length).toBeGreaterThan(35);
  for (const [operationId, { status, answer, changed }] of audited) {
    // The answer says what became of each stack.
    if (operationId === "TransferAllStacks") expect([answer.slice(0, 14), changed]).toEqual(['"Transferred 0', false]);
    else
      expect([operationId, status, JSON.parse(answer), changed]).toEqual([
        operationId,
        503,
        // The token endpoint adds the members of OAuth.
        expect.objectContaining({ code: 503, message: expect.any(String) as string }),
        false,
      ]);
  }
});

it("every call other than GET leaves an event, except for the listed ones", () => {
  for (const [operationId, { method, events }] of outcomes)
    if (method !== "GET") expect([operationId, events.length > 0]).toEqual([operationId, reasonOf(operationId) === undefined]);
  // Each reason belongs to a route that exists, and no event of a successful call is an event of a refusal.
  const reasons = [...outcomes.keys()].map(nameOf).filter((name) => name in unaudited);
  expect(new Set(reasons)).toEqual(new Set(Object.keys(unaudited)));
  expect([...outcomes.values()].flatMap(({ events }) => events).filter(({ authFailure }) => authFailure)).toEqual([]);
});

it("a GET leaves an event where a state or a secret leaves the service, and nowhere else", () => {
  const reads = [...outcomes].filter(([, { method, events }]) => method === "GET" && events.length > 0).map(([operationId]) => operationId);
  expect(reads).toEqual([
    "ExportStack",
    "ExportStackAtVersion",
    "GetLatestStackResources",
    "GetLatestStackResource",
    "GetStackResources",
    "GetStackResource",
    "GetStackOverview",
  ]);
});
