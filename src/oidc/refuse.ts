import { countFailure } from "../auth/authenticate.ts";
import { recordRefusedExchange } from "../auth/refusals.ts";
import type { OrganizationRef, RequestContext } from "../context.ts";
import { log } from "../log.ts";
import type { Claims } from "./claims.ts";
import type { IssuerRow } from "./issuer.ts";
import { nameFor } from "./label.ts";
import { type OAuthCode, OAuthFault } from "./oauthFault.ts";

/** Where an exchange was asked for, as far as it is known. */
interface Where {
  org?: OrganizationRef | undefined;
  issuer?: IssuerRow | undefined;
}

export interface Refusal {
  code: OAuthCode;
  /** A sentence for the caller, without the values of claims and without the policy. */
  told: string;
  /** The reason for the organization's log and the operator's, when the caller may not know all of it. */
  detail?: string;
  status?: number;
}

export type Refuse = (refusal: Refusal) => Promise<Error>;

/**
 * Makes the refusals of one exchange. Each is a line of the operator's log, at most one event of the organization's log, and counts as a failure of
 * its address.
 * @param claims of a token whose signature is valid
 */
export const refusing =
  (ctx: RequestContext, { org, issuer }: Where = {}, claims?: Claims): Refuse =>
  async ({ code, told, detail = told.replace(/\.$/, ""), status }) => {
    log("token exchange refused", { requestId: ctx.requestId, org: org?.name, issuer: issuer?.id, code, detail });
    if (org)
      await recordRefusedExchange(ctx, org, {
        key: issuer?.id ?? org.id,
        tokenName: issuer && claims ? nameFor(issuer.name, claims) : "",
        description: `Refused to exchange a token${issuer ? ` of "${issuer.name}"` : ""}: ${detail}.`,
        isVerified: claims !== undefined,
      });
    return countFailure(ctx, new OAuthFault(code, told, status));
  };
