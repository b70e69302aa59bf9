import type { Operations } from "../http/openapi.ts";
import { ListPackagesResponse, PackageMetadata } from "./schema.ts";

const list = { tags: ["Registry"], summary: "Lists packages of the upstream registry", answers: { 200: ListPackagesResponse } };
const version = {
  tags: ["Registry"],
  summary: "Returns a version of a package of the upstream registry",
  answers: { 200: PackageMetadata },
};

export const registryOperations = {
  ListPackages: list,
  ListPackages_preview: list,
  GetPackageVersion: version,
  GetPackageVersion_preview: version,
} satisfies Operations;
