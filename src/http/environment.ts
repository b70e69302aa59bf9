import type { Credential } from "../auth/authenticate.ts";
import type { RequestContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import type { Reason } from "../errors.ts";
import type { Lease } from "../auth/leaseToken.ts";

/** Hono's typed environment: what the middleware puts beside a request. */
export interface Env {
  Bindings: Bindings;
  Variables: {
    request: RequestContext;
    credential: Credential | undefined;
    lease: Lease | undefined;
    /** Of the contract or page that took the request, `/api/stacks/{orgName}/…`; undefined when none did. */
    route: string | undefined;
    /** Why it was refused. */
    reason: Reason | undefined;
  };
}
