import * as z from "zod/mini";
import { maxResults } from "../http/pagination.ts";
import { cursor, list, mapOf, text, unread } from "../http/bounded.ts";
import { stackName } from "../http/names.ts";

/** Maximum number of tags of one stack. The CLI itself sets about ten. */
const MOST_TAGS = 500;

/** The syntax of tag names (cli-protocol §3.2). */
const tagName = text(40).check(z.regex(/^[a-zA-Z0-9-_.:]{1,40}$/, "a tag name has 1 to 40 characters of A-Z a-z 0-9 - _ . :"));
const tagValue = text(256).check(z.refine((value) => new TextEncoder().encode(value).length <= 256, "a tag value has at most 256 bytes"));
export const tags = mapOf(tagValue, tagName, MOST_TAGS);
export type Tags = z.infer<typeof tags>;

export const StackTag = z.object({ name: tagName, value: tagValue });

const setting = z.nullish(text(10_000));

/**
 * The environment that holds a stack's configuration instead of its file (cli-protocol §3.10). Only stacks of earlier releases have one.
 */
export const StackConfig = z.object({
  environment: text(1000).check(z.minLength(1)),
  secretsProvider: setting,
  encryptedKey: setting,
  encryptionSalt: setting,
});
export type StackConfig = z.infer<typeof StackConfig>;

export const CreateStackRequest = z.object({
  stackName,
  tags: z.nullish(tags),
  teams: z.nullish(list(text(100), 100)),
  state: z.nullish(unread(z.looseObject({ version: z.int() }))),
  config: z.nullish(StackConfig),
});

/** Refuses a filter that is not supported: without it the list would have too many entries. */
const roleID = z.optional(text(200).check(z.refine(() => false, "roleID is not supported: no stack has a role of its own")));

export const ListUserStacksQuery = z.object({
  organization: z.optional(text(200)),
  project: z.optional(text(200)),
  tagName: z.optional(text(200)),
  tagValue: z.optional(text(1000)),
  roleID,
  /** Our extension: a part of the project's or the stack's name, in upper or lower case. */
  search: z.optional(text(100)),
  maxResults,
  continuationToken: cursor,
});
