import { recordRefusedSignIn } from "../auth/refusals.ts";
import type { RequestContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { log } from "../log.ts";
import type { Provider } from "./provider.ts";

/**
 * Makes the refusal of a sign-in: a line of the operator's log, an event of the organization's log, and a sentence for the person.
 * @param detail for the logs, if it differs from what the person is told
 */
export async function refuseSignIn(ctx: RequestContext, provider: Provider, told: string, detail = told, status = 400): Promise<AppError> {
  log("sign-in refused", { requestId: ctx.requestId, provider: provider.id, org: provider.org?.name, detail });
  if (provider.org)
    await recordRefusedSignIn(ctx, provider.org, {
      key: provider.id,
      description: `Refused a sign-in through "${provider.name}": ${detail.replace(/\.$/, "")}.`,
    });
  return new AppError(status, told);
}
