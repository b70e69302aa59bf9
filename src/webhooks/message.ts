import type { ChainRecord } from "../audit/chain.ts";
import { displayNameOf } from "../audit/events.ts";
import { type UpdateKind, type UpdateStatus, resultOf } from "../updates/table.ts";
import { type WebhookFilter, groupOfFilter, kindOfGroup } from "./filters.ts";

/** A message before it has the form of a destination. Pure. */
export interface Message {
  /** Value of `Pulumi-Webhook-Kind`. */
  kind: string;
  /** The body of the format `raw`, as JSON. */
  raw: string;
  /** For chats: a sentence, and names with values. Other people choose the names of people and stacks. */
  title: string;
  facts: [name: string, value: string][];
  url?: string;
  tone: "good" | "bad" | "plain";
}

/** An update that has ended. */
export interface EndedUpdate {
  id: string;
  kind: UpdateKind;
  dryRun: boolean;
  status: UpdateStatus;
  version: number | null;
  /** JSON: the number of resources by operation. */
  resourceChanges: string | null;
  message: string;
}

interface Place {
  org: string;
  /** The address of this deployment, `https://…`. */
  origin: string;
}

const avatarUrl = "";
const personOf = (record: ChainRecord) => {
  const githubLogin = String(record["userLogin"] ?? "");
  return { name: String(record["userName"] ?? githubLogin), githubLogin, avatarUrl };
};
export const organizationOf = (org: string) => ({ name: org, githubLogin: org, avatarUrl });

/** Who did what a record describes, in words for people. A machine is called by the name of its token. */
export function doer(record: ChainRecord, org: string): string {
  const login = String(record["userLogin"] ?? "");
  const token = String(record["tokenName"] ?? "");
  return login === org && token !== "" ? `the token ${token}` : login || "the service";
}

/** Maximum number of characters of a fact. Slack accepts 2,000 in a field. */
export const short = (text: string) => (text.length > 300 ? `${text.slice(0, 299).toWellFormed()}…` : text);

export function messageOfRecord(filter: WebhookFilter, record: ChainRecord, { org, origin }: Place): Message {
  const [projectName = "", stackName = ""] = String(record["stack"] ?? "").split("/");
  const common = { user: personOf(record), organization: organizationOf(org) };
  if (filter === "stack_created" || filter === "stack_deleted") {
    const action = filter === "stack_created" ? "created" : "deleted";
    const stack = `${org}/${projectName}/${stackName}`;
    return {
      kind: "stack",
      raw: JSON.stringify({ ...common, action, projectName, stackName }),
      title: `Stack ${stack} was ${action}`,
      facts: [["By", doer(record, org)]],
      ...(action === "created" && { url: `${origin}/${stack}` }),
      tone: "plain",
    };
  }
  const event = String(record["event"]);
  const description = String(record["description"] ?? "");
  const address = String(record["sourceIp"] ?? "");
  return {
    kind: kindOfGroup(groupOfFilter(filter)),
    raw: JSON.stringify({
      ...common,
      action: filter,
      event,
      description,
      timestamp: Math.floor(Number(record["at"]) / 1000),
      seq: record.seq,
      ...(projectName !== "" && { projectName, stackName }),
      tokenName: String(record["tokenName"] ?? ""),
      sourceIp: address,
    }),
    title: `${displayNameOf(event)} in ${org}`,
    facts: [["What", short(description)], ["By", doer(record, org)], ...(address === "" ? [] : [["From", address] as [string, string]])],
    tone: /refused|failing|leaked|emergency|expired|running_long|broken|new_country/.test(filter) ? "bad" : "plain",
  };
}

export function messageOfUpdate(update: EndedUpdate, record: ChainRecord, { org, origin }: Place): Message {
  const [projectName = "", stackName = ""] = String(record["stack"] ?? "").split("/");
  const { dryRun, version } = update;
  const stack = `${org}/${projectName}/${stackName}`;
  const url = `${origin}/${stack}/${dryRun ? `previews/${update.id}` : `updates/${version ?? ""}`}`;
  const kind = dryRun ? "preview" : update.kind;
  const result = resultOf[update.status];
  const resourceChanges = changesOf(update.resourceChanges);
  const changes = Object.entries(resourceChanges)
    .slice(0, 12)
    .map(([operation, count]) => `${count} ${operation}`)
    .join(", ");
  return {
    kind: dryRun ? "stack_preview" : "stack_update",
    raw: JSON.stringify({
      user: personOf(record),
      organization: organizationOf(org),
      projectName,
      stackName,
      updateUrl: url,
      kind,
      result,
      resourceChanges,
      isPreview: dryRun,
    }),
    title: `${kind[0]!.toUpperCase()}${kind.slice(1)} of ${stack} ${update.status}`,
    facts: [
      ["By", doer(record, org)],
      ...(changes === "" ? [] : [["Resources", changes] as [string, string]]),
      ...(update.message === "" ? [] : [["Message", short(update.message)] as [string, string]]),
    ],
    url,
    tone: result === "succeeded" ? "good" : "bad",
  };
}

/** The numbers by operation. Their keys come from a client, so their number is bounded. */
function changesOf(json: string | null): Record<string, number> {
  if (json === null) return {};
  const parsed = JSON.parse(json) as unknown;
  if (typeof parsed !== "object" || parsed === null) return {};
  const entries = Object.entries(parsed).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && entry[0].length <= 50,
  );
  return Object.fromEntries(entries.slice(0, 50));
}

export function pingMessage(now: number, name: string): Message {
  const message = "This is a test message from Stackpass.";
  return {
    kind: "ping",
    raw: JSON.stringify({ timestamp: Math.floor(now / 1000), message }),
    title: message,
    facts: [["Webhook", name]],
    tone: "plain",
  };
}
