import { expect, it } from "vitest";
import { anchorsOf, linksOf, unlistedFaults } from "../../scripts/links.ts";

it("makes anchors of headings as GitHub does", () => {
  const page = "# A stack's `object`\n## Name, and [address](x.md)\n```sh\n# a comment\n```\n";
  expect([...anchorsOf(page)]).toEqual(["a-stacks-object", "name-and-address"]);
});

it("finds the links of a page, but not those to other sites or in code", () => {
  const page = "[a](b.md#c) [d](https://example.com) `[e](f.md)` ![g](h.png)\n```\n[i](j.md)\n```\n";
  expect(linksOf(page)).toEqual(["b.md#c", "h.png"]);
});

it("finds the pages that the table of contents leaves out", () => {
  const contents = "1. [one](decisions/0001-one.md)\n2. [sso](sso.md#saml) [changes](../CHANGELOG.md)\n";
  const files = ["README.md", "CHANGELOG.md", "docs/README.md", "docs/sso.md", "docs/decisions/0001-one.md", "docs/decisions/0002-two.md"];
  expect(unlistedFaults(contents, files)).toEqual(["docs/README.md does not list docs/decisions/0002-two.md"]);
});
