import type { OrgSettings, RequestContext } from "../context.ts";
import { AppError, forbidden } from "../errors.ts";
import { type Edition, editions } from "../orgs/table.ts";
import type { Circumstances, OrgPermission } from "./policy.ts";

/** The edition of organizations without an edition of their own. Without the setting they have everything. */
const defaultEditionOf = (setting: string | undefined): Edition => editions.find((edition) => edition === setting) ?? "enterprise";

/** The inputs of `decide` that come from the request: time, address, country, default edition. */
export const circumstancesOf = (ctx: Pick<RequestContext, "env" | "now" | "address" | "country">): Circumstances => ({
  now: ctx.now,
  address: ctx.address,
  country: ctx.country,
  defaultEdition: defaultEditionOf(ctx.env.DEFAULT_EDITION),
});

const complete: ReadonlySet<Edition> = new Set(["enterprise", "business-critical"]);

/** Whether the organization has everything: by its edition, or while its trial runs. */
export const hasEverything = (settings: OrgSettings, defaultEdition: Edition, now: number): boolean =>
  complete.has(settings.edition ?? defaultEdition) || now < settings.trialEndsAt;

/**
 * Rights that an organization lacks unless it has everything. Existing tokens stay valid, and can be listed and deleted.
 * The text on audit logs is that of the public contract (management-api §1.2). The errors are made when they are needed: an error at the start
 * has a stack trace, for which the engine parses the whole script again.
 */
const auditLogs = () => new AppError(400, "Audit Logs is available only to organizations with an Enterprise subscription.");
const needed: Partial<Record<OrgPermission, () => AppError>> = {
  "org_token:create": () =>
    forbidden(
      "Organization access tokens can be created only in organizations with an Enterprise or Business Critical subscription, or during a trial. Existing tokens continue to work.",
    ),
  "team:create_token": () =>
    forbidden(
      "Team access tokens can be created only in organizations with an Enterprise or Business Critical subscription, or during a trial. Existing tokens continue to work.",
    ),
  "audit_logs:read": auditLogs,
  "audit_logs:export": auditLogs,
};

/** @returns the refusal if only some editions include the right, or undefined */
export const editionFault = (permission: OrgPermission): AppError | undefined => needed[permission]?.();
