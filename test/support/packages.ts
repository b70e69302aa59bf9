/** Packages of a registry that the tests use in place of a public one. The data are our own, in the shape of the API. */
export interface Package {
  source: string;
  publisher: string;
  name: string;
  version: string;
  [more: string]: unknown;
}

/** A request that the registry of the tests has received. */
export interface Seen {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  /** Only for a mail. */
  body?: string;
}

const packageOf = (source: string, publisher: string, name: string, version: string, more: Record<string, unknown> = {}): Package => ({
  name,
  publisher,
  publisherDisplayName: publisher,
  source,
  version,
  title: name,
  description: `The package ${name}.`,
  repoUrl: `https://example.com/${publisher}/${name}`,
  category: "cloud",
  isFeatured: false,
  packageTypes: ["native"],
  packageStatus: "ga",
  readmeURL: `https://example.com/${name}/readme.md`,
  schemaURL: `https://example.com/${name}/schema.json`,
  createdAt: "2026-01-02T03:04:05.678Z",
  visibility: "public",
  ...more,
});

/** The newest version of each package first. @param plugins where the plugins are downloaded */
export const packagesOf = (plugins: string): Package[] => [
  packageOf("pulumi", "orchard", "apples", "1.2.0", { pluginDownloadURL: plugins, newerField: { kept: [1, 2.5, null] } }),
  packageOf("pulumi", "orchard", "apples", "1.1.0", { pluginDownloadURL: plugins }),
  packageOf("pulumi", "pulumi", "figs", "2.1.0", { pluginDownloadURL: plugins }),
  packageOf("pulumi", "pulumi", "pears", "0.3.1+build.7", { pluginDownloadURL: plugins }),
  packageOf("opentofu", "orchard", "plums", "2.0.0-beta.1", {
    parameterization: {
      baseProvider: { source: "pulumi", publisher: "pulumi", name: "terraform-provider", version: "1.0.0" },
      parameter: "eyJhIjoxfQ==",
    },
  }),
];
