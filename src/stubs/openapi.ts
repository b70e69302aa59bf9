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
    summary: "What this service can do",
    answers: { 200: z.object({ capabilities: z.array(Capability) }) },
  },
  ListTemplates: {
    tags: ["Registry"],
    summary: "No templates are kept here",
    answers: { 200: z.object({ templates: z.array(z.unknown()) }) },
  },
  GetOrgTemplates: {
    tags: ["Organizations"],
    summary: "No templates are kept here",
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
    summary: "No policy groups are kept here",
    answers: { 200: z.object({ policyGroups: z.array(z.unknown()) }) },
  },
  ListPolicyPacks_orgs: {
    tags: ["Organizations"],
    summary: "No policy packs are kept here",
    answers: { 200: z.object({ policyPacks: z.array(z.unknown()) }) },
  },
  FetchRestSpecification: { tags: ["Miscellaneous"], summary: "This document", answers: { 200: z.record(z.string(), z.unknown()) } },
} satisfies Operations;
