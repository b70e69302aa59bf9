import { DurableObject } from "cloudflare:workers";
import { atPlace, placeOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { loaded } from "../loaded.ts";

/** Milliseconds from the first new record to the step that examines it, in which more records come together. */
const GATHER = 200;
/** Milliseconds until a step that ended without a result is repeated. */
const REPEAT = 60_000;
/** Milliseconds until a step that failed is repeated. */
const AFTER_FAILURE = 5000;
/** Failures in a row after which messages for an object that cannot be reached are left out. */
const MOST_FAILURES = 20;

const dispatching = loaded(() => import("./dispatch.ts"));

/** Examines the audit log of one organization for its webhooks. D1 has the cursor; the object stores the alarm. */
export class WebhookDispatcher extends DurableObject<Bindings> {
  #isBusy = false;
  /** Whether there were new records during the step. */
  #isWoken = false;

  /** Notifies the object of new records, and does not wait for a step. */
  async wake(orgId: string): Promise<void> {
    if ((await this.ctx.storage.get("orgId")) !== orgId) await this.ctx.storage.put("orgId", orgId);
    if (this.#isBusy) this.#isWoken = true;
    else if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + GATHER);
  }

  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const orgId = await storage.get<string>("orgId");
    if (orgId === undefined) return;
    // The next alarm is set before the work, which may terminate the object.
    await storage.setAlarm(Date.now() + REPEAT);
    this.#isBusy = true;
    this.#isWoken = false;
    const failures = (await storage.get<number>("failures")) ?? 0;
    try {
      const { dispatch } = await dispatching();
      const next = await dispatch(atPlace(this.env, placeOf(orgId)), orgId, failures >= MOST_FAILURES);
      if (failures > 0) await storage.delete("failures");
      if (next === "more") await storage.setAlarm(Date.now());
      else if (this.#isWoken) await storage.setAlarm(Date.now() + GATHER);
      else {
        await storage.deleteAlarm();
        if (next === "gone") await storage.deleteAll();
      }
    } catch (error) {
      logError("a step of an organization's webhooks will be repeated", error, { orgId, failures });
      await storage.put("failures", failures + 1);
      await storage.setAlarm(Date.now() + AFTER_FAILURE);
    } finally {
      this.#isBusy = false;
    }
  }
}
