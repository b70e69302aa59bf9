import * as z from "zod/mini";
import { maxResults } from "../http/pagination.ts";
import { mapOf } from "../http/map.ts";
import { stackName } from "../http/names.ts";

/** cli-protocol §3.2. */
const tagName = z.string().check(z.regex(/^[a-zA-Z0-9-_.:]{1,40}$/, "a tag name has 1 to 40 characters of A-Z a-z 0-9 - _ . :"));
const tagValue = z.string().check(z.refine((value) => new TextEncoder().encode(value).length <= 256, "a tag value has at most 256 bytes"));
export const tags = mapOf(tagValue, tagName);
export type Tags = z.infer<typeof tags>;

export const StackTag = z.object({ name: tagName, value: tagValue });

const text = z.nullish(z.string().check(z.maxLength(10_000)));

/** The environment that holds a stack's configuration in place of its file (cli-protocol §3.10). Only a stack of earlier versions has one. */
export const StackConfig = z.object({
  environment: z.string().check(z.minLength(1), z.maxLength(1000)),
  secretsProvider: text,
  encryptedKey: text,
  encryptionSalt: text,
});
export type StackConfig = z.infer<typeof StackConfig>;

export const CreateStackRequest = z.object({
  stackName,
  tags: z.nullish(tags),
  teams: z.nullish(z.array(z.string())),
  state: z.nullish(z.looseObject({ version: z.int() })),
  config: z.nullish(StackConfig),
});

/** A filter that we do not have must not widen the list. */
const roleID = z.optional(z.string().check(z.refine(() => false, "roleID is not supported: no stack has a role of its own")));

export const ListUserStacksQuery = z.object({
  organization: z.optional(z.string()),
  project: z.optional(z.string()),
  tagName: z.optional(z.string()),
  tagValue: z.optional(z.string()),
  roleID,
  /** Ours: part of the project's or the stack's name, in any case. */
  search: z.optional(z.string().check(z.maxLength(100))),
  maxResults,
  continuationToken: z.optional(z.string()),
});
