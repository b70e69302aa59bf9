import { setTimeout as wait } from "node:timers/promises";
import { expect } from "vitest";
import { ask } from "./api.ts";

/** Seconds: more than a slow server needs to end an update whose lease is over (its grace is 30 seconds), and less than a whole lease. */
const PATIENCE = 180;

/** An update whose client is gone. */
interface Abandoned {
  /** The path of the update, `/api/stacks/…/update/<id>`. */
  path: string;
  lease: string;
}

/** Gives the lease of an update back, so that no test has to wait for the end of a whole lease. Returns when the server has ended the update. */
export async function giveBack({ path, lease }: Abandoned, server: { url: string; token: string }): Promise<void> {
  const renewed = await fetch(`${server.url}${path}/renew_lease`, {
    method: "POST",
    headers: { Authorization: `update-token ${lease}`, "Content-Type": "application/json" },
    body: JSON.stringify({ token: "", duration: 0 }),
  });
  // 403 means that the update has already ended.
  expect([200, 403], await renewed.text()).toContain(renewed.status);
  const stack = path.split("/").slice(0, 6).join("/");
  for (let i = 0; i < PATIENCE; i++) {
    if (!(await ask<{ currentOperation?: object }>("GET", stack, server)).currentOperation) return;
    await wait(1000);
  }
  throw new Error(`the update whose lease was given back still runs after ${PATIENCE} seconds: ${path}`);
}
