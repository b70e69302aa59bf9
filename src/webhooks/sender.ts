import { DurableObject } from "cloudflare:workers";
import { atPlace, placeOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { delayAfter } from "../http/retry.ts";
import { log, logError } from "../log.ts";
import { isSealedWithOldKey } from "../secrets/sealed.ts";
import { type Attempted, attempt } from "./attempt.ts";
import { Deliveries, type Sending, messageOf, toDelivery } from "./deliveries.ts";
import { type DigestItem, digestMessage, lastDue, nextDue } from "./digest.ts";
import { Digests } from "./digests.ts";
import { noteDigest, readTokens } from "./digestTokens.ts";
import { idOf, originOf } from "./dispatch.ts";
import { disable, noteFailing, noteSuccess, readDue, recordFailing, reseal } from "./health.ts";
import { type Message, pingMessage } from "./message.ts";
import type { WebhookDelivery } from "./openapi.ts";
import type { WebhookRow } from "./webhook.ts";

const DAY = 86_400_000;
/** Attempts that are made at the same time. */
const AT_ONCE = 2;
/** Milliseconds until a step that ended without a result is repeated. */
const REPEAT = 60_000;
/** Milliseconds until a step is repeated after a failure of our own database. */
const OWN_FAILURE = 10_000;
/** A message that was not delivered for this long after the event is given up. */
const GIVES_UP_AFTER = DAY;
/** A webhook without any success for this long is deactivated. */
const DISABLED_AFTER = 5 * DAY;

/** The object's memory of the health of its webhook. */
interface Health {
  /** The first failure since the last success. */
  failingSince?: number;
  /** A message was given up since then, and the log says so. */
  isTold?: true;
  /** The destination asked for no message before this time (`Retry-After`). */
  heldUntil?: number;
}

type Due = NonNullable<Awaited<ReturnType<typeof readDue>>>;

/**
 * Sends the messages of one webhook. Each webhook has an object of its own, so a destination that hangs delays no other. The object stores what
 * waits and what was sent; D1 has the webhook, which is read before each attempt.
 */
export class WebhookSender extends DurableObject<Bindings> {
  readonly #deliveries: Deliveries;
  readonly #digests: Digests;
  /** Ends the attempts that are under way. */
  #attempts = new AbortController();
  /** The webhook was changed since the last step began. */
  #isChanged = false;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#deliveries = new Deliveries(ctx.storage.sql);
    this.#digests = new Digests(ctx.storage.sql);
  }

  /** Stores messages, and sends them soon. A message that is there already is not sent again. */
  async add(webhookId: string, sendings: Sending[]): Promise<void> {
    await this.#remember(webhookId);
    this.#deliveries.add(sendings, Date.now());
    await this.#setAlarm();
  }

  /** Counts what the next digest reports. What was counted already is not counted again. */
  async collect(webhookId: string, items: DigestItem[]): Promise<void> {
    await this.#remember(webhookId);
    this.ctx.storage.transactionSync(() => this.#digests.collect(items));
    if (this.#digests.state.next === null) await this.ctx.storage.setAlarm(Date.now());
  }

  /** Notifies the object that a digest is due. */
  async wake(webhookId: string): Promise<void> {
    await this.#remember(webhookId);
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** The webhook was changed or deleted: attempts that are under way end, and the next ones are made with the webhook as it is now. */
  async changed(webhookId: string): Promise<void> {
    await this.#remember(webhookId);
    this.#attempts.abort();
    this.#attempts = new AbortController();
    this.#isChanged = true;
    const { heldUntil: _, ...health } = await this.#health();
    await this.ctx.storage.put("health", health);
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** Sends a test message at once. @returns undefined if the webhook was deleted */
  async ping(webhookId: string, now: number): Promise<WebhookDelivery | undefined> {
    const { signal } = this.#attempts;
    const due = await readDue(this.#at(webhookId), webhookId);
    if (!due) return undefined;
    await this.#remember(webhookId);
    const sending = { id: crypto.randomUUID(), message: pingMessage(now, due.row.name), at: now };
    const done = await this.#sendNow(due, sending.id, sending.message, signal);
    this.#deliveries.addSent(sending, done.error === undefined ? "delivered" : "failed", done);
    return this.#afterSent(sending.id);
  }

  /** The kind of a stored message; undefined if it is no longer stored. */
  async kindOf(id: string): Promise<string | undefined> {
    const row = this.#deliveries.get(id);
    return row && messageOf(row).kind;
  }

  /** Sends a stored message again at once. @returns undefined if the webhook was deleted, or the message is no longer stored */
  async redeliver(webhookId: string, id: string): Promise<WebhookDelivery | undefined> {
    const { signal } = this.#attempts;
    const due = await readDue(this.#at(webhookId), webhookId);
    const before = this.#deliveries.get(id);
    if (!due || !before) return undefined;
    const done = await this.#sendNow(due, id, messageOf(before), signal);
    this.#deliveries.endExtra(id, done);
    return this.#afterSent(id);
  }

  /** The last messages, the newest first. */
  async list(now: number): Promise<WebhookDelivery[]> {
    this.#deliveries.prune(now);
    return this.#deliveries.list();
  }

  /** The bindings at the place of the webhook, or of its organization. */
  readonly #at = (id: string) => atPlace(this.env, placeOf(id));

  async #remember(webhookId: string): Promise<void> {
    if ((await this.ctx.storage.get("webhookId")) !== webhookId) await this.ctx.storage.put("webhookId", webhookId);
  }

  async #health(): Promise<Health> {
    return (await this.ctx.storage.get<Health>("health")) ?? {};
  }

  override async alarm(): Promise<void> {
    const webhookId = await this.ctx.storage.get<string>("webhookId");
    if (webhookId === undefined) return;
    // The next alarm is set before the work, which may terminate the object: the platform repeats an alarm six times only.
    await this.ctx.storage.setAlarm(Date.now() + REPEAT);
    try {
      await this.#step(webhookId);
    } catch (error) {
      logError("a step of a webhook will be repeated", error, { webhookId });
      await this.ctx.storage.setAlarm(Date.now() + OWN_FAILURE);
    }
  }

  async #step(webhookId: string): Promise<void> {
    this.#isChanged = false;
    // If the webhook changes after this, the attempts that use what was read here are ended.
    const { signal } = this.#attempts;
    const due = await readDue(this.#at(webhookId), webhookId);
    if (!due) {
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
      this.#deliveries.create();
      this.#digests.create();
      return;
    }
    if (!due.row.active) this.#deliveries.dropWaiting();
    await this.#makeDigest(due);
    const now = Date.now();
    const { heldUntil = 0 } = await this.#health();
    const rows = heldUntil > now ? [] : this.#deliveries.due(now, AT_ONCE);
    await Promise.all(rows.map(({ id }) => this.#sendOne(due, id, signal)));
    if (rows.length > 0 && due.opened && isSealedWithOldKey(this.env, due.row.sealed))
      await reseal(this.#at(due.row.id), due.row, due.opened);
    this.#deliveries.prune(Date.now());
    await this.#setAlarm();
  }

  /**
   * Makes the message of a digest that is due. It is stored in the same transaction that forgets what it reports. So there is one message
   * for each period, and it covers the time since the last one, however late it is.
   */
  async #makeDigest({ row, org }: Due): Promise<void> {
    const { id, orgId, host, digest: every } = row;
    if (!row.active || every === null) {
      this.#digests.clear();
      return this.#digests.setNext(null);
    }
    const now = Date.now();
    const { digested } = this.#digests.state;
    const from = Math.max(row.digestAt, digested);
    const at = lastDue(every, now);
    if (from < at) {
      const tokens = await readTokens(this.#at(orgId), orgId, now);
      this.ctx.storage.transactionSync(() => {
        const content = { ...tokens, ...this.#digests.read() };
        const message = digestMessage({ every, org, origin: originOf(host), from, until: now, content });
        this.#deliveries.add([{ id: idOf(id, `digest ${at}`), message, at: now }], now);
        this.#digests.close(now);
      });
    }
    const last = Math.max(from, this.#digests.state.digested);
    this.#digests.setNext(nextDue(every, last));
    if (row.digestAt < last) await noteDigest(this.#at(id), id, last);
  }

  /** Sends a message that waits. After a failure it waits longer, and after a day it is given up. */
  async #sendOne(due: Due, id: string, signal: AbortSignal): Promise<void> {
    this.#deliveries.begin(id, Date.now() + REPEAT);
    const row = this.#deliveries.get(id);
    if (!row) return;
    const done = await this.#attempt(due, id, messageOf(row), signal);
    if (signal.aborted) return this.#deliveries.again(id, Date.now());
    const now = Date.now();
    if (done.error === undefined) {
      this.#deliveries.end(id, "delivered", null, done);
      return this.#noteSuccess(due.row);
    }
    const wait = delayAfter(row.attempts, done.asked, Math.random());
    const isGivenUp = now + wait > row.at + GIVES_UP_AFTER || done.isGone === true;
    this.#deliveries.end(id, isGivenUp ? "failed" : "waiting", isGivenUp ? null : now + wait, done);
    await this.#noteFailure(due.row, id, done, isGivenUp);
  }

  /** Sends a message at once, because a caller asked for it. */
  async #sendNow(due: Due, id: string, message: Message, signal: AbortSignal): Promise<Attempted> {
    const done = await this.#attempt(due, id, message, signal);
    if (done.error === undefined) await this.#noteSuccess(due.row);
    return signal.aborted && done.error !== undefined ? { ...done, error: "The webhook was changed or deleted during the attempt." } : done;
  }

  /** A message that was sent at once. Undefined if the webhook was deleted meanwhile. */
  async #afterSent(id: string): Promise<WebhookDelivery | undefined> {
    const after = this.#deliveries.get(id);
    await this.#setAlarm();
    return after && toDelivery(after);
  }

  async #attempt({ row, opened }: Due, id: string, message: Message, signal: AbortSignal): Promise<Attempted> {
    const { format, host, destination } = row;
    const { id: webhookId } = row;
    const done = opened ? await attempt(this.env, { ...opened, format, host }, id, message, signal) : unreadable(destination);
    log("webhook", { webhookId, kind: message.kind, status: done.responseCode, ms: done.duration });
    return done;
  }

  async #noteSuccess({ id, failingSince }: WebhookRow): Promise<void> {
    const { failingSince: since } = await this.#health();
    await this.ctx.storage.delete("health");
    if (failingSince !== null || since !== undefined) await noteSuccess(this.#at(id), id);
  }

  async #noteFailure(row: WebhookRow, id: string, { error = "", asked, isGone }: Attempted, isGivenUp: boolean): Promise<void> {
    const now = Date.now();
    const health = await this.#health();
    const failingSince = health.failingSince ?? now;
    const heldUntil = asked === undefined ? health.heldUntil : Math.max(health.heldUntil ?? 0, now + delayAfter(1, asked, 0));
    const tells = isGivenUp && !isGone && !health.isTold;
    if (row.failingSince === null) await noteFailing(this.#at(row.id), row.id, failingSince, error);
    if (tells) await recordFailing(this.#at(row.id), row, id, error);
    if (isGone) await disable(this.#at(row.id), row, "gone");
    else if (isGivenUp && now - failingSince >= DISABLED_AFTER) await disable(this.#at(row.id), row, "failing");
    await this.ctx.storage.put<Health>("health", {
      failingSince,
      ...(heldUntil !== undefined && { heldUntil }),
      ...((tells || health.isTold) && { isTold: true }),
    });
  }

  async #setAlarm(): Promise<void> {
    if (this.#isChanged) return this.ctx.storage.setAlarm(Date.now());
    const times = [this.#deliveries.nextTime(), this.#digests.state.next ?? undefined].filter((time) => time !== undefined);
    if (times.length === 0) return this.ctx.storage.deleteAlarm();
    const next = Math.min(...times);
    const { heldUntil = 0 } = await this.#health();
    await this.ctx.storage.setAlarm(Math.max(next, heldUntil, Date.now()));
  }
}

const unreadable = (host: string): Attempted => ({
  at: Date.now(),
  payload: "",
  duration: 0,
  requestUrl: `https://${host}/…`,
  requestHeaders: "",
  responseCode: 0,
  responseHeaders: "",
  responseBody: "",
  error: "The stored address and secret cannot be read any more: set them again.",
});
