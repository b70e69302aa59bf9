import { chainOlderRows } from "../audit/append.ts";
import { archiveOldRecords } from "../audit/archive.ts";
import { signCheckpoints } from "../audit/checkpoint.ts";
import { relayLeftovers } from "../audit/relay.ts";
import { replayDeadLetters } from "../audit/replay.ts";
import { checkChains } from "../auditlogs/check.ts";
import { batch, openStore } from "../db/client.ts";
import { DIRECTORY, everyPlace } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { log, logError } from "../log.ts";
import { setTimestamp } from "../metrics/increment.ts";
import { rotateSigningKeys } from "../identity/rotate.ts";
import { sweepExchanged } from "../oidc/sweep.ts";
import { recheckDomains } from "../sso/domains.ts";
import { wakeIdle, wakeLagging } from "../streams/wakeLagging.ts";
import { remind } from "../webhooks/remind.ts";
import { wakeDigests, wakeLaggingWebhooks } from "../webhooks/wakeLagging.ts";
import { mailInvites } from "../orgs/mailInvites.ts";
import { disableUnusedTokens } from "../tokens/unused.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";
import { abortUpdates } from "../updates/abort.ts";
import { sweep } from "../sweeps/sweep.ts";

type Task = (env: Bindings, now: number) => Promise<unknown>;

/** Tasks of every minute, by their names in the log. */
const everyMinute: Record<string, Task> = {
  relay: (env, now) => relayLeftovers(env, now),
  chain: (env) => chainOlderRows(env),
  checkpoints: (env, now) => signCheckpoints(env, now),
  chainCheck: (env, now) => checkChains(env, now),
  archive: (env, now) => archiveOldRecords(env, now),
  streams: (env, now) => wakeLagging(env, now),
  idleStreams: (env, now) => wakeIdle(env, now),
  webhooks: (env) => wakeLaggingWebhooks(env),
  digests: (env, now) => wakeDigests(env, now),
  reminders: (env, now) => remind(env, now),
  mail: (env, now) => mailInvites(env, now),
};

/** Tasks that enforce limits in days, and tasks that may be late. */
const everyHour: Record<string, Task> = {
  unusedTokens: (env, now) => disableUnusedTokens(env, now, (ended) => abortUpdates({ env, store: openStore(env) }, ended)),
  domains: (env, now) => recheckDomains(env, now),
  exchangedTokens: (env, now) => sweepExchanged(env, now),
  // Making a key takes much processor time, so this task is the last.
  signingKeys: (env, now) => rotateSigningKeys(env, now),
};

/** Tasks of every minute that ask the other databases as well. They come after all others, which a database that hangs must not delay. */
const ofAllPlaces: Record<string, Task> = {
  deadLetters: (env) => replayDeadLetters(env),
  sweep: (env, now) => sweep(env, now),
};

/** Tasks of the whole deployment: they run once, in the directory. */
const ofDeployment = ["deadLetters", "signingKeys"];

/** Runs the tasks in each place. The places do not wait for each other, so a database that hangs delays no other one. */
export async function runCron(bindings: Bindings, now: number): Promise<void> {
  await Promise.all(everyPlace(bindings).map((env) => runInPlace(env, now)));
}

/** Runs the tasks independently: if one fails, the others still run, and the cron runs it again next time. */
async function runInPlace(bindings: Bindings, now: number): Promise<void> {
  const began = Date.now();
  const roundTrips = noRoundTrips();
  const env = counting(bindings, roundTrips);
  const store = openStore(env);
  const done: Record<string, unknown> = {};
  const failed: string[] = [];
  const due = { ...everyMinute, ...(new Date(now).getUTCMinutes() === 0 && everyHour), ...ofAllPlaces };
  for (const [name, run] of Object.entries(due)) {
    if (store.place !== DIRECTORY && ofDeployment.includes(name)) continue;
    try {
      done[name] = await run(env, now);
    } catch (error) {
      failed.push(name);
      logError(`cron: ${name} failed`, error);
    }
  }
  try {
    const [first, ...others] = Object.keys(done).map((name) => setTimestamp(store, "cron", name, now));
    if (first) await batch(store, [first, ...others]);
  } catch (error) {
    logError("cron: the time of a task was not stored", error);
  }
  log("cron", { ...(store.place !== DIRECTORY && { place: store.place }), done, failed, ms: Date.now() - began, roundTrips });
}
