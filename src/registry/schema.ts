import * as z from "zod/mini";

const name = z
  .string()
  .check(z.regex(/^(?!\.\.?$)[A-Za-z0-9_.-]{1,100}$/, "a source, publisher or package has 1 to 100 characters of A-Z a-z 0-9 _ . -"));
/** A semantic version, or `latest`. */
const version = z.string().check(z.regex(/^(?!\.\.?$)[A-Za-z0-9.+-]{1,100}$/, "a version has 1 to 100 characters of A-Z a-z 0-9 . + -"));

export const packageParams = z.object({ source: name, publisher: name, name, version });

const text = z.optional(z.string().check(z.maxLength(200)));
/** A filter that we do not have must not widen the list. */
const unsupported = (parameter: string) =>
  z.optional(z.string().check(z.refine(() => false, `${parameter} is not supported: nobody counts here which packages stacks use`)));

/** What goes to the upstream, and nothing else. */
export const ListPackagesQuery = z.object({
  name: text,
  publisher: text,
  packageType: text,
  search: text,
  sort: text,
  asc: z.optional(z.enum(["true", "false"])),
  limit: z.optional(z.string().check(z.regex(/^\d{1,4}$/, "limit is a number"))),
  continuationToken: z.optional(z.string().check(z.maxLength(2000))),
  orgLogin: text,
  visibility: z.optional(z.enum(["public", "private"])),
  usage: unsupported("usage"),
});

/** What a CLI needs of a package; the rest is passed on as it came. */
export const PackageMetadata = z.looseObject({
  name: z.string(),
  publisher: z.string(),
  source: z.string(),
  version: z.string(),
  createdAt: z.string(),
  isFeatured: z.boolean(),
  packageStatus: z.string(),
  readmeURL: z.string(),
  schemaURL: z.string(),
  visibility: z.string(),
});

export const ListPackagesResponse = z.looseObject({
  packages: z.array(PackageMetadata),
  continuationToken: z.nullish(z.string()),
});
