import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";

const Capability = z.object({
  capability: z.string(),
  version: z.optional(z.number()),
  configuration: z.optional(z.record(z.string(), z.unknown())),
});

export const miscAnswers: Answers = {
  Capabilities: { 200: z.object({ capabilities: z.array(Capability) }) },
  ListTemplates: { 200: z.object({ templates: z.array(z.unknown()) }) },
  ListPackages: { 200: z.object({ packages: z.array(z.unknown()) }) },
  GetOrgTemplates: {
    200: z.object({
      templates: z.record(z.string(), z.unknown()),
      orgHasTemplates: z.boolean(),
      hasAccessError: z.boolean(),
      hasUpstreamError: z.boolean(),
    }),
  },
  ListPolicyGroups: { 200: z.object({ policyGroups: z.array(z.unknown()) }) },
  ListPolicyPacks_orgs: { 200: z.object({ policyPacks: z.array(z.unknown()) }) },
  FetchRestSpecification: { 200: z.record(z.string(), z.unknown()) },
};
