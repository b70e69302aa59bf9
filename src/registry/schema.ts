import * as z from "zod/mini";
import { cursor, text } from "../http/bounded.ts";

const name = text(100).check(
  z.regex(/^(?!\.\.?$)[A-Za-z0-9_.-]{1,100}$/, "a source, publisher or package has 1 to 100 characters of A-Z a-z 0-9 _ . -"),
);
/** A semantic version, or `latest`. */
const version = text(100).check(z.regex(/^(?!\.\.?$)[A-Za-z0-9.+-]{1,100}$/, "a version has 1 to 100 characters of A-Z a-z 0-9 . + -"));

export const packageParams = z.object({ source: name, publisher: name, name, version });

const filter = z.optional(text(200));
/** Refuses a filter that is not supported: without it the list would have too many entries. */
const unsupported = (parameter: string) =>
  z.optional(
    text(200).check(z.refine(() => false, `${parameter} is not supported: this service does not record which packages stacks use`)),
  );

/** The parameters that are sent to the upstream registry; no others are. */
export const ListPackagesQuery = z.object({
  name: filter,
  publisher: filter,
  packageType: filter,
  search: filter,
  sort: filter,
  asc: z.optional(z.enum(["true", "false"])),
  limit: z.optional(text(4).check(z.regex(/^\d{1,4}$/, "limit is a number"))),
  continuationToken: cursor,
  orgLogin: filter,
  visibility: z.optional(z.enum(["public", "private"])),
  usage: unsupported("usage"),
});

/** The members of a package that the CLI needs; the others are passed on unchanged. */
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
