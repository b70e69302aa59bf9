import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, onTestFinished, vi } from "vitest";
import type { Bindings } from "../../../src/env.ts";
import { Output } from "../../../src/bytes/output.ts";
import { call, ok } from "../../support/client.ts";
import { laterBy } from "../../support/clock.ts";
import { type Exported, begins, component, creates } from "../../support/deployment.ts";
import type { RunningUpdate } from "../../support/world.ts";

export const STACK_PATH = "/api/stacks/acme/web/dev";

/** The entries of an update that made one resource and has begun another. */
export const entries = [...creates(component("made")), begins(10, 9, component("half"))];

export const journal = (update: RunningUpdate, list: unknown[] = entries) =>
  ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: list } });

export const complete = (update: RunningUpdate, status = "succeeded") =>
  call("POST", `${update.path}/complete`, { lease: update.lease, json: { status } });

export async function coordinator(stack = "web/dev") {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  return STACKS.get(STACKS.idFromName(`${orgId}/${stack}`));
}

/** Runs the alarms that the object sets for itself in the given time. */
export async function alarmAfter(ms: number): Promise<void> {
  laterBy(ms);
  await runDurableObjectAlarm(await coordinator());
}

/** Every replay fails with an unexpected error, until the returned function is called. @returns ends the fault */
export function breakReplay(error: () => Error = () => new RangeError("Maximum call stack size exceeded")): () => void {
  const spy = vi.spyOn(Output.prototype, "write").mockImplementation(() => {
    throw error();
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}

/** Names of the resources of the newest state, and of its pending operations. */
export async function namesInState(token: string): Promise<string[]> {
  const { deployment } = await ok<Exported>("GET", `${STACK_PATH}/export`, { token });
  return [...(deployment.resources ?? []), ...(deployment.pending_operations ?? []).map(({ resource }) => resource)].map(({ urn }) =>
    urn.split("::").at(-1)!,
  );
}

/** The names of the objects that the service keeps of an update whose state it could not compute, without `run.json`. */
export async function keptParts(updateId: string): Promise<string[]> {
  const prefix = `journals/${updateId}/`;
  const names = (await env.STATE.list({ prefix })).objects.map(({ key }) => key.slice(prefix.length));
  if (names.length === 0) return [];
  const manifest = await (await env.STATE.get(`${prefix}run.json`))?.json<{ files: string[] }>();
  expect([...(manifest?.files ?? []), "run.json"].toSorted()).toEqual(names.toSorted());
  return manifest!.files;
}

/** The entry of the newest update in the history. */
export const latest = (token: string) =>
  ok<{ updateID: string; info: { result: string; journalKept?: string } }>("GET", `${STACK_PATH}/updates/latest`, { token });
