import type { OrgContext } from "../context.ts";
import { cut, pageBytes } from "../http/pageText.ts";
import type { StackPath } from "../stacks/path.ts";
import { readEvents } from "./getEvents.ts";
import type { UpdateRow } from "./info.ts";
import { MAX_PAGES, STEPS, type StepEvent, bit, stepOf } from "./summarize.ts";
import { type TreeStep, treeText } from "./summaryText.ts";

const SAID = bit("diagnosticEvent") | bit("stdoutEvent") | bit("policyEvent") | bit("errorEvent");

export interface Message {
  severity: "info" | "warning" | "error";
  /** Name of the resource that the message is about; "" for the whole update. */
  about: string;
  text: string;
}

/** Bounds in bytes of a page: for the steps, all messages, one message, the name of its resource, and its markup. */
const TREE = 28_000;
const MESSAGES = 28_000;
const MESSAGE = 8000;
const ABOUT = 100;
const MARKUP = 150;

/**
 * Describes an update by the engine events that have arrived: its steps as a tree, and its messages. If there are too many messages, the
 * last ones are kept, because the reason of a failure comes late.
 */
export async function narrate(
  ctx: OrgContext,
  path: StackPath,
  row: UpdateRow,
): Promise<{ tree: string; messages: Message[]; earlier: boolean }> {
  const steps: TreeStep[] = [];
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
      if (step) steps.push(step);
      const message = messageOf(event);
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
  return { tree: within(treeText(steps, more), TREE), messages: messages.filter(({ text }) => text.trim() !== ""), earlier };
}

function within(text: string, limit: number): string {
  const short = cut(text, limit);
  return short === text ? text : `${short.slice(0, short.lastIndexOf("\n"))}\n …\n`;
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
  return { severity: severityOf(said, errorEvent !== undefined), about, text: cut(policy + plain(message.slice(0, MESSAGE)), MESSAGE) };
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
