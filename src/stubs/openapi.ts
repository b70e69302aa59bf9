import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const Capability = z.object({
  capability: z.string(),
  version: z.optional(z.number()),
  configuration: z.optional(z.record(z.string(), z.unknown())),
});

export const stubOperations = {
  Capabilities: {
    tags: ["Miscellaneous"],
    summary: "Capabilities of this service",
    answers: { 200: z.object({ capabilities: z.array(Capability) }) },
  },
  ListTemplates: {
    tags: ["Registry"],
    summary: "An empty list: this service has no templates",
    answers: { 200: z.object({ templates: z.array(z.unknown()) }) },
  },
  GetOrgTemplates: {
    tags: ["Organizations"],
    summary: "An empty list: this service has no templates",
    answers: {
      200: z.object({
        templates: z.record(z.string(), z.unknown()),
        orgHasTemplates: z.boolean(),
        hasAccessError: z.boolean(),
        hasUpstreamError: z.boolean(),
      }),
    },
  },
  ListPolicyGroups: {
    tags: ["Organizations"],
    summary: "An empty list: this service has no policy groups",
    answers: { 200: z.object({ policyGroups: z.array(z.unknown()) }) },
  },
  ListPolicyPacks_orgs: {
    tags: ["Organizations"],
    summary: "An empty list: this service has no policy packs",
    answers: { 200: z.object({ policyPacks: z.array(z.unknown()) }) },
  },
  FetchRestSpecification: {
    tags: ["Miscellaneous"],
    summary: "This OpenAPI document",
    answers: { 200: z.record(z.string(), z.unknown()) },
  },
} satisfies Operations;
