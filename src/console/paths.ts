/**
 * The console's own paths. Paths of stacks and updates are those that the CLI prints (cli-protocol §2.8); paths of the organization come
 * after `~`, which no project can have as its name.
 */

/** A part of a path or a query. Names in states may have half of a pair of surrogates, which no URL can have. */
export const segment = (text: string): string => encodeURIComponent(text.toWellFormed());

export const orgPath = (org: string) => `/${segment(org)}`;
export const placePath = (org: string, ...rest: string[]) => `${orgPath(org)}/~/${rest.map(segment).join("/")}`;
export const stacksPath = (org: string) => placePath(org, "stacks");
export const projectPath = (org: string, project: string) => `${orgPath(org)}/${segment(project)}`;
export const stackPath = (org: string, project: string, stack: string) => `${projectPath(org, project)}/${segment(stack)}`;
export const updatePath = (stack: string, version: number) => `${stack}/updates/${version}`;
export const comparePath = (stack: string, from: number, to: number) => `${stack}/compare?from=${from}&to=${to}`;
export const statePath = (stack: string, version: number) => `${stack}/state?version=${version}`;
export const restorePath = (stack: string, version: number) => `${stack}/restore?version=${version}`;
export const resourcePath = (stack: string, urn: string) => `${stack}/resource?urn=${segment(urn)}`;
export const previewPath = (stack: string, updateId: string) => `${stack}/previews/${segment(updateId)}`;

/** A person's memberships. */
export const ORGANIZATIONS = "/user/settings/organizations";
/** The reader's colors and time zone. */
export const DISPLAY = "/user/settings/display";

/** A path of this site, or `/`: the page after signing in must not be on another site. */
export function ownPath(text: string | null | undefined): string {
  if (!text || !/^\/(?![/\\])[^\\]*$/.test(text) || [...text].some((c) => c < " ")) return "/";
  const url = new URL(text, "https://own.invalid");
  // `/.//elsewhere` is parsed as `//elsewhere`, which is another site.
  return url.host === "own.invalid" && !url.pathname.startsWith("//") ? url.pathname + url.search : "/";
}
