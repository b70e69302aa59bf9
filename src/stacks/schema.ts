import * as z from "zod";
import { maxResults } from "../http/pagination.ts";
import { mapOf } from "../http/map.ts";
import { stackName } from "../http/names.ts";

/** cli-protocol §3.2. */
const tagName = z.string().regex(/^[a-zA-Z0-9-_.:]{1,40}$/, "a tag name has 1 to 40 characters of A-Z a-z 0-9 - _ . :");
const tagValue = z.string().refine((value) => new TextEncoder().encode(value).length <= 256, "a tag value has at most 256 bytes");
export const tags = mapOf(tagValue, tagName);
export type Tags = z.infer<typeof tags>;

export const StackTag = z.object({ name: tagName, value: tagValue });

const text = z.string().max(10_000).nullish();

/** Where a stack's configuration is kept instead of with its program (cli-protocol §3.10). */
export const StackConfig = z.object({
  environment: z.string().min(1).max(1000),
  secretsProvider: text,
  encryptedKey: text,
  encryptionSalt: text,
});
export type StackConfig = z.infer<typeof StackConfig>;

export const CreateStackRequest = z.object({
  stackName,
  tags: tags.nullish(),
  teams: z.array(z.string()).nullish(),
  state: z.looseObject({ version: z.int() }).nullish(),
  config: StackConfig.nullish(),
});

export const Stack = z.object({
  id: z.string(),
  orgName: z.string(),
  projectName: z.string(),
  stackName: z.string(),
  currentOperation: z.object({ kind: z.string(), author: z.string(), started: z.int() }).optional(),
  activeUpdate: z.string(),
  tags: z.record(z.string(), z.string()),
  config: StackConfig.optional(),
  version: z.int(),
});

export const ListUserStacksResponse = z.object({
  stacks: z.array(
    z.object({
      id: z.string(),
      orgName: z.string(),
      projectName: z.string(),
      stackName: z.string(),
      lastUpdate: z.int().optional(),
      resourceCount: z.int().optional(),
    }),
  ),
  continuationToken: z.string().optional(),
});

export const ListUserStacksQuery = z.object({
  organization: z.string().optional(),
  project: z.string().optional(),
  tagName: z.string().optional(),
  tagValue: z.string().optional(),
  /** Ours: part of the project's or the stack's name, in any case. */
  search: z.string().max(100).optional(),
  maxResults,
  continuationToken: z.string().optional(),
});
