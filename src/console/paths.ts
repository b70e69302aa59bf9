/**
 * The console's own paths. Those of stacks and updates are the ones that the CLI prints (cli-protocol §2.8); what is about
 * the organization stands behind `~`, which no project can be called.
 */
const segment = encodeURIComponent;

export const orgPath = (org: string) => `/${segment(org)}`;
/** Leads to the first place of the organization that its reader may see. */
export const homePath = (org: string) => `${orgPath(org)}/~`;
export const placePath = (org: string, ...rest: string[]) => `${orgPath(org)}/~/${rest.map(segment).join("/")}`;
export const projectPath = (org: string, project: string) => `${orgPath(org)}/${segment(project)}`;
export const stackPath = (org: string, project: string, stack: string) => `${projectPath(org, project)}/${segment(stack)}`;
export const updatePath = (stack: string, version: number) => `${stack}/updates/${version}`;
export const previewPath = (stack: string, updateId: string) => `${stack}/previews/${segment(updateId)}`;

/** A person's memberships. */
export const ORGANIZATIONS = "/user/settings/organizations";

/** A path of this site, or `/`: where somebody goes after signing in must not be another site's choice. */
export function ownPath(text: string | null | undefined): string {
  if (!text || !/^\/(?![/\\])[^\\]*$/.test(text) || [...text].some((c) => c < " ")) return "/";
  const url = new URL(text, "https://own.invalid");
  // `/.//elsewhere` loses its dot in reading, and `//elsewhere` is another site.
  return url.host === "own.invalid" && !url.pathname.startsWith("//") ? url.pathname + url.search : "/";
}
