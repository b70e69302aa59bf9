import * as z from "zod/mini";
import { tryFromBase64 } from "../bytes/base64.ts";
import { list, text } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { stackParams } from "../stacks/params.ts";
import { webhookDigests } from "./table.ts";

const isPlain = (value: string) => !/\p{Cc}/u.test(value) && value.isWellFormed();

/** Not even a receiver could find the key in such a secret. */
const hasKey = (secret: string) => !secret.startsWith("whsec_") || tryFromBase64(secret.slice("whsec_".length)) !== undefined;

const name = text(32, "a webhook name must have at most 32 characters").check(
  z.regex(/^[A-Za-z0-9_.-]*$/, "a webhook name must have only letters, digits and _ . -"),
  z.refine((value) => value !== "." && value !== "..", ". and .. are not webhook names"),
);
const displayName = text(100, "displayName must have 1 to 100 characters").check(
  z.minLength(1, "displayName must have 1 to 100 characters"),
  z.refine(isPlain, "displayName must not have control characters"),
);
const names = z.nullish(list(text(100), 100));

/** A whole webhook, as clients send it for a creation and a change (management-api §11). Members of answers are accepted and ignored. */
export const WebhookRequest = z.object({
  organizationName: text(200),
  projectName: z.nullish(text(200)),
  stackName: z.nullish(text(200)),
  envName: z.nullish(text(200)),
  /** Absent or empty: at a creation it is generated, and at a change it stays. */
  name: z.nullish(name),
  displayName,
  payloadUrl: text(2000),
  /** Absent or empty: a new webhook has none, and a change keeps the one before. `__remove-secret` removes it, as the CLI does. */
  secret: z.nullish(
    text(500).check(
      z.refine(isPlain, "a secret must not have control characters"),
      z.refine(hasKey, "a secret that begins with whsec_ must continue in base64"),
    ),
  ),
  /** Makes a new secret, which is shown in this answer only. */
  newSecret: z.nullish(z.boolean()),
  active: z.boolean(),
  format: z.nullish(text(50)),
  filters: names,
  groups: names,
  /** A digest in place of events. Absent: a new webhook has none, and a change keeps it as it is. */
  digest: z.nullish(z.enum(webhookDigests, "digest must be daily, weekly or null")),
});
export type WebhookRequest = z.infer<typeof WebhookRequest>;

/** In a path, any text is accepted: an unknown name is a 404. */
const hookName = text(200);
export const orgHooks = z.object({ orgName });
export const orgHook = z.object({ orgName, hookName });
export const orgHookEvent = z.object({ orgName, hookName, event: text(200) });
export const stackHooks = stackParams;
export const stackHook = z.extend(stackParams, { hookName });
export const stackHookEvent = z.extend(stackParams, { hookName, event: text(200) });
