import type { OrgContext } from "../context.ts";
import { cut, fill, pageBytes } from "../http/pageText.ts";
import type { StackPath } from "../stacks/path.ts";
import { readEvents } from "./getEvents.ts";
import type { UpdateRow } from "./info.ts";
import { type PropertyDiff, diffsOf, hasDiffs } from "./propertyDiffs.ts";
import { MAX_PAGES, STEPS, type StepEvent, type StepMetadata, bit, erroredOf, hasFailed, stepOf } from "./summarize.ts";
import { type TreeLine, type TreeStep, treeLines } from "./summaryText.ts";

const SAID = bit("diagnosticEvent") | bit("stdoutEvent") | bit("policyEvent") | bit("errorEvent");

export interface Message {
  severity: "info" | "warning" | "error";
  /** Name and URN of the resource that the message is about; "" for the whole update. */
  about: string;
  urn: string;
  text: string;
}

/** The properties that an operation changes. */
export interface ResourceDiff {
  op: string;
  type: string;
  name: string;
  properties: PropertyDiff[];
}

export interface Narration {
  tree: TreeLine[];
  messages: Message[];
  /** Whether messages before these are left out. */
  earlier: boolean;
  /** Number of resources whose operation failed. */
  errored: number;
  diffs: ResourceDiff[];
  /** Number of further resources whose properties change. */
  moreDiffs: number;
}

/** Bounds in bytes of a page: of the steps, of all messages, and of one message, the name of its resource, and its markup. */
const TREE = 24_000;
const MESSAGES = 24_000;
const MESSAGE = 8000;
const ABOUT = 100;
const MARKUP = 150;
/** Bounds in bytes of the differences of properties: of all of them, one value, one name, and the markup of a resource and of a property. */
const DIFFS = 16_000;
const VALUE = 300;
const NAME = 200;
const RESOURCE = 220;
const PROPERTY = 60;
/** Number of bytes of the markup of a line of the tree. */
const LINE = 26;

/**
 * Describes an update by the engine events that have arrived: its steps as a tree, and its messages. If there are too many messages, the
 * last ones are kept, because the reason of a failure comes late.
 */
export async function narrate(ctx: OrgContext, path: StackPath, row: UpdateRow): Promise<Narration> {
  const steps: TreeStep[] = [];
  const errors = new Map<string, number>();
  const diffs = new Diffs();
  const messages: (Message & { bytes: number })[] = [];
  let earlier = false;
  let size = 0;
  let after = -1;
  let more = true;
  for (let pages = 0; more && pages < MAX_PAGES; pages++) {
    const page = await readEvents(ctx, path, row.id, { after, kinds: STEPS | SAID }, false);
    for (const text of page.events) {
      const event = JSON.parse(text) as StepEvent & SaidEvent;
      const step = stepOf(event);
      if (step) {
        steps.push(step);
        const metadata = (event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
        if (metadata) diffs.add(step, metadata);
      }
      const message = messageOf(event);
      if (message?.severity === "error" && message.urn !== "") errors.set(message.urn, (errors.get(message.urn) ?? 0) + 1);
      if (!message) continue;
      const before = messages.at(-1);
      const bytes = pageBytes(message.text);
      // A program's output comes line by line.
      if (before && before.about === message.about && before.severity === message.severity && before.bytes + bytes < MESSAGE) {
        before.text += message.text;
        before.bytes += bytes;
        size += bytes;
      } else {
        messages.push({ ...message, bytes: bytes + pageBytes(message.about) + MARKUP });
        size += messages.at(-1)!.bytes;
      }
      for (; size > MESSAGES && messages.length > 1; earlier = true) size -= messages.shift()!.bytes;
    }
    ({ last: after, more } = page);
  }
  return {
    tree: within(treeLines(steps, { isCut: more, failed: hasFailed(row), errors }), TREE),
    messages: messages.filter(({ text }) => text.trim() !== ""),
    earlier,
    errored: erroredOf(steps),
    diffs: diffs.shown,
    moreDiffs: diffs.more,
  };
}

function within(lines: TreeLine[], limit: number): TreeLine[] {
  const { shown, more } = fill(lines, limit, ({ text }) => pageBytes(text) + LINE);
  return more > 0 ? [...shown, { op: "", failed: false, text: " …" }] : shown;
}

/** The differences that fit on a page. */
class Diffs {
  readonly shown: ResourceDiff[] = [];
  more = 0;
  #room = DIFFS;
  /** Number of characters of values that may still be written: one value can be as long as its event, and many paths can lead to it. */
  #work = 4_000_000;

  add({ op, urn }: TreeStep, metadata: StepMetadata): void {
    if (op === "same" || !hasDiffs(metadata)) return;
    const [type = "", ...names] = urn.split("::").slice(2);
    const short = (text: string | undefined) => (text === undefined ? undefined : cut(plain(text.slice(0, 2 * VALUE)), VALUE));
    const diff: ResourceDiff = { op, type: cut(type.split("$").at(-1)!, NAME), name: cut(names.join("::"), NAME), properties: [] };
    this.#room -= RESOURCE + pageBytes(op + diff.type + diff.name);
    for (const { path, before, after, ...rest } of this.#work > 0 && this.#room > 0 ? diffsOf(metadata) : []) {
      this.#work -= (before?.length ?? 0) + (after?.length ?? 0);
      const property = { ...rest, path: cut(plain(path), NAME), before: short(before), after: short(after) };
      this.#room -= PROPERTY + pageBytes(property.path + (property.before ?? "") + (property.after ?? ""));
      if (this.#room < 0 || this.#work < 0) break;
      diff.properties.push(property);
    }
    if (diff.properties.length > 0) this.shown.push(diff);
    else this.more++;
  }
}

interface Said {
  severity?: unknown;
  urn?: unknown;
  resourceUrn?: unknown;
  message?: unknown;
  error?: unknown;
  ephemeral?: unknown;
  enforcementLevel?: unknown;
  policyName?: unknown;
}
interface SaidEvent {
  diagnosticEvent?: Said;
  stdoutEvent?: Said;
  policyEvent?: Said;
  errorEvent?: Said;
}

/** The message in an event; undefined if the event, which a client sent, does not have the expected form. */
function messageOf({ diagnosticEvent, stdoutEvent, policyEvent, errorEvent }: SaidEvent): Message | undefined {
  const said = diagnosticEvent ?? stdoutEvent ?? policyEvent ?? errorEvent;
  const message = said?.message ?? said?.error;
  // Ephemeral messages only report progress.
  if (!said || typeof message !== "string" || said.ephemeral === true || said.severity === "debug") return undefined;
  const urn = said.urn ?? said.resourceUrn;
  const about = typeof urn === "string" ? (urn.split("::").slice(3).join("::") || urn).slice(0, ABOUT) : "";
  const policy = policyEvent && typeof said.policyName === "string" ? `${said.policyName.slice(0, 200)}: ` : "";
  const severity = severityOf(said, errorEvent !== undefined);
  return { severity, about, urn: typeof urn === "string" ? urn : "", text: cut(policy + plain(message.slice(0, MESSAGE)), MESSAGE) };
}

function severityOf({ severity, enforcementLevel }: Said, isError: boolean): Message["severity"] {
  if (isError || severity === "error" || enforcementLevel === "mandatory") return "error";
  return severity === "warning" || enforcementLevel === "advisory" || enforcementLevel === "warning" ? "warning" : "info";
}

/** Removes the engine's color directives, terminal sequences, and other control characters. */
export const plain = (text: string): string =>
  text
    .replaceAll(/<\{%[^%]{0,100}%\}>/g, "")
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g, "")
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
