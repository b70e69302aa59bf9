import { missingIn, requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { AppError, badRequest } from "../errors.ts";
import { addressFault, isLocal, ownHostFault } from "../http/outgoing.ts";
import { type Selection, isFilter, isGroup, isOfStack, selectsLog } from "./filters.ts";
import type { WebhookRequest } from "./schema.ts";
import { type WebhookDigest, type WebhookFormat, webhookFormats } from "./table.ts";
import type { Place } from "./webhook.ts";

/** The names in a body must be those of the path. @throws 400 */
export function requireSamePlace(
  ctx: OrgContext,
  place: Place,
  { organizationName, projectName, stackName, envName }: WebhookRequest,
): void {
  if (organizationName.toLowerCase() !== ctx.org.name.toLowerCase())
    throw new AppError(400, "Organization name from request body doesn't match URL.");
  if (envName) throw badRequest("environments (Pulumi ESC) are not supported, so a webhook cannot belong to one");
  const isSame = (sent: string | null | undefined, own: string | undefined) => !sent || sent.toLowerCase() === own?.toLowerCase();
  if (!isSame(projectName, place?.projectName)) throw new AppError(400, "Project name from request body doesn't match URL.");
  if (!isSame(stackName, place?.stackName)) throw new AppError(400, "Stack name from request body doesn't match URL.");
}

/** @throws 400 */
export function formatOf(place: Place, sent: string | null | undefined, before: WebhookFormat): WebhookFormat {
  if (!sent) return before;
  if (sent === "pulumi_deployments")
    throw place
      ? badRequest("the format pulumi_deployments starts a deployment, and deployments are out of scope")
      : new AppError(400, "'pulumi_deployments' format can only be used on stack or environment webhooks.");
  const format = webhookFormats.find((one) => one === sent);
  if (!format) throw badRequest(`the format of a webhook must be one of ${webhookFormats.join(", ")}`);
  return format;
}

/**
 * The filters and groups of a request, each once, and its digest.
 * @param before the digest before the request, which may leave it out
 * @throws 400 for a name that does not exist, or not for a stack
 */
export function selectionOf(
  place: Place,
  { filters, groups, digest }: Pick<WebhookRequest, "filters" | "groups" | "digest">,
  before: WebhookDigest | null = null,
) {
  const selection = {
    filters: [...new Set(filters ?? [])],
    groups: [...new Set(groups ?? [])],
    digest: digest === undefined ? before : digest,
  };
  if (selection.digest !== null) {
    if (place) throw badRequest("only a webhook of the organization can send a digest");
    if (selection.filters.length + selection.groups.length > 0)
      throw badRequest("the parts of a digest are fixed, so filters and groups must be empty, or digest must be null");
  }
  for (const filter of selection.filters) {
    if (!isFilter(filter)) throw badRequest(`there is no webhook filter ${filter}`);
    if (place && !isOfStack(filter)) throw badRequest(`a webhook of a stack cannot have the filter ${filter}`);
  }
  for (const group of selection.groups) {
    if (!isGroup(group)) throw badRequest(`there is no webhook group ${group}`);
    if (place && !isOfStack(group)) throw badRequest(`a webhook of a stack cannot have the group ${group}`);
  }
  return selection;
}

/**
 * A webhook that gets parts of the audit log needs the right to set up a stream of it: it sends them for as long as it exists.
 * @throws 400 if the edition does not include exports, 403
 */
export async function requireLog(ctx: OrgContext, ...selections: Selection[]): Promise<void> {
  if (!selections.some(selectsLog)) return;
  const fault = missingIn(ctx, "audit_logs:export");
  if (fault) throw fault;
  await requireRight(ctx, "audit_streams:update");
}

/**
 * The URL of an address. The address itself is stored as it was sent: a program that compares it with its own must not find a difference.
 * @param host of the request
 * @throws 400
 */
export function addressOf(ctx: OrgContext, text: string, host: string): URL {
  // The parser would remove these characters.
  if (/[\s\p{Cc}]/u.test(text) || !text.isWellFormed()) throw badRequest("payloadUrl must not have spaces or control characters");
  if (!URL.canParse(text)) throw badRequest("payloadUrl must begin with https://");
  const url = new URL(text);
  if (url.hash !== "") throw badRequest("payloadUrl must not have a fragment");
  const fault = addressFault(url, isLocal(ctx.env)) ?? ownHostFault(ctx.env, url, host);
  if (fault) throw badRequest(`${fault} (payloadUrl)`);
  return url;
}
