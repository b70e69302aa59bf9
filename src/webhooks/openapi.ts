import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { webhookDigests, webhookDisabledReasons, webhookFormats } from "./table.ts";

/** The contract has all but `digest` and the last three members. */
export const Webhook = z.object({
  organizationName: z.string(),
  projectName: z.optional(z.string()),
  stackName: z.optional(z.string()),
  name: z.string(),
  displayName: z.string(),
  /** Callers who may not change the webhook see only the host of the address, because the rest may be a credential. */
  payloadUrl: z.string(),
  active: z.boolean(),
  format: z.enum(webhookFormats),
  filters: z.array(z.string()),
  groups: z.array(z.string()),
  /** How often it sends a digest in place of events. */
  digest: z.nullable(z.enum(webhookDigests)),
  hasSecret: z.boolean(),
  /** Changes with the secret, and reveals nothing of it. */
  secretCiphertext: z.string(),
  /** Why the service deactivated it. */
  disabled: z.optional(z.enum(webhookDisabledReasons)),
  /** Since when every attempt has failed, and why the first one did. */
  failing: z.optional(z.object({ since: z.string(), error: z.string() })),
  /** A secret that was just made, in the only answer that has it. */
  secret: z.optional(z.string()),
});
export type Webhook = z.infer<typeof Webhook>;

/** One message with its last attempt. The contract has all but the last four members. */
export const WebhookDelivery = z.object({
  id: z.string(),
  kind: z.string(),
  payload: z.string(),
  /** Time of the last attempt, seconds since 1970. */
  timestamp: z.int(),
  /** Milliseconds. */
  duration: z.int(),
  requestUrl: z.string(),
  /** Lines that end with CR and LF. Signatures are left out. */
  requestHeaders: z.string(),
  /** 0 without an answer. */
  responseCode: z.int(),
  responseHeaders: z.string(),
  /** At most 16 KB. */
  responseBody: z.string(),
  state: z.enum(["waiting", "delivered", "failed"]),
  attempts: z.int(),
  nextAttempt: z.optional(z.string()),
  error: z.optional(z.string()),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

const ofOrg = ["Organizations", "Webhooks"];
const ofStack = ["Stacks", "Webhooks"];

export const webhookOperations = {
  ListOrganizationWebhooks: { tags: ofOrg, summary: "Lists the webhooks of an organization", answers: { 200: z.array(Webhook) } },
  CreateOrganizationWebhook: {
    tags: ofOrg,
    summary: "Creates a webhook of an organization, which sends events to an address or a chat",
    answers: { 201: Webhook },
  },
  GetOrganizationWebhook: { tags: ofOrg, summary: "Returns a webhook of an organization", answers: { 200: Webhook } },
  UpdateOrganizationWebhook: { tags: ofOrg, summary: "Changes a webhook of an organization", answers: { 200: Webhook } },
  DeleteOrganizationWebhook: {
    tags: ofOrg,
    summary: "Deletes a webhook of an organization with its secret, its waiting messages and its deliveries",
    answers: { 204: null },
  },
  PingOrganizationWebhook: {
    tags: ofOrg,
    summary: "Sends a test message by a webhook of an organization at once, and returns the result",
    answers: { 200: WebhookDelivery },
  },
  GetOrganizationWebhookDeliveries: {
    tags: ofOrg,
    summary: "Lists the last deliveries of a webhook of an organization, the newest first",
    answers: { 200: z.array(WebhookDelivery) },
  },
  RedeliverOrganizationWebhookEvent: {
    tags: ofOrg,
    summary: "Sends a message of a webhook of an organization again at once, and returns the result",
    answers: { 200: WebhookDelivery },
  },
  ListStackWebhooks: { tags: ofStack, summary: "Lists the webhooks of a stack", answers: { 200: z.array(Webhook) } },
  CreateStackWebhook: {
    tags: ofStack,
    summary: "Creates a webhook of a stack, which sends events to an address or a chat",
    answers: { 201: Webhook },
  },
  GetStackWebhook: { tags: ofStack, summary: "Returns a webhook of a stack", answers: { 200: Webhook } },
  UpdateStackWebhook: { tags: ofStack, summary: "Changes a webhook of a stack", answers: { 200: Webhook } },
  DeleteStackWebhook: {
    tags: ofStack,
    summary: "Deletes a webhook of a stack with its secret, its waiting messages and its deliveries",
    answers: { 204: null },
  },
  PingStackWebhook: {
    tags: ofStack,
    summary: "Sends a test message by a webhook of a stack at once, and returns the result",
    answers: { 200: WebhookDelivery },
  },
  GetStackWebhookDeliveries: {
    tags: ofStack,
    summary: "Lists the last deliveries of a webhook of a stack, the newest first",
    answers: { 200: z.array(WebhookDelivery) },
  },
  RedeliverStackWebhookEvent: {
    tags: ofStack,
    summary: "Sends a message of a webhook of a stack again at once, and returns the result",
    answers: { 200: WebhookDelivery },
  },
} satisfies Operations;
