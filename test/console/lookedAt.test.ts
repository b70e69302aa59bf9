import { expect, it } from "vitest";
import { pages } from "../../src/console/pages.ts";
import { type Story, pagesOf } from "./browser/support/story.ts";

const names = ["project", "previewId", "tokenId", "ownTokenId", "inviteId", "roleId", "otherRoleId", "team", "teamTokenId"] as const;
const more = ["issuerId", "sessionId", "streamId", "hook", "deliveryId", "stackDeliveryId"] as const;
const story = Object.fromEntries([...names, ...more].map((name) => [name, name])) as unknown as Story;

/** Pages that other tests in the browser open, and addresses that do not answer with a page. */
const elsewhere: Record<string, string> = {
  "/": "a person of one organization is sent to it; a person of several sees their names as links",
  "/:orgName/~": "a redirect from an older address",
  "/signin": "test/console/browser/accessibility.test.ts",
  "/user/settings/sessions/:sessionId/end": "test/console/browser/accessibility.test.ts",
  "/setup": "test/console/browser/firstRun.test.ts",
  "/:orgName/~/audit/export": "a file",
  "/:orgName/:projectName/:stackName/state": "a file",
  "/login/:place/sso/saml/metadata": "a file",
  "/login/:place/sso": "a redirect to an identity provider",
  "/login/:place/sso/initiate": "a redirect to an identity provider",
  "/signin/sso/:place/reauth": "test/console/browser/singleSignOn.test.ts",
  "/login/:place/sso/callback": "a redirect after a sign-in",
  "/login/:place/sso/saml": "a redirect after a sign-in",
  "/login/first": "test/console/browser/singleSignOn.test.ts",
};

const pattern = (path: string) => new RegExp(`^${path.replaceAll(/:\w+\{([^}]*)\}/g, "($1)").replaceAll(/:\w+/g, "[^/]+")}$`);

it("every page of the console is among those that the tests in the browser look at, or in a list with the reason", () => {
  const shown = pages.filter(({ method }) => method === "GET").map(({ path }) => ({ path, pattern: pattern(path) }));
  const lookedAt = new Set(
    pagesOf(story).map((address) => {
      const { pathname } = new URL(address, "https://stackpass.test");
      return shown.find((page) => page.pattern.test(pathname))?.path ?? `${address} is no page`;
    }),
  );
  const missing = shown.map(({ path }) => path).filter((path) => !lookedAt.has(path) && !(path in elsewhere));
  expect(missing).toEqual([]);
  const known = new Set(shown.map(({ path }) => path));
  expect([...lookedAt, ...Object.keys(elsewhere)].filter((path) => !known.has(path))).toEqual([]);
});
