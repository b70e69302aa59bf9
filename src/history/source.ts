/**
 * Where the program of an update came from, by the environment that its CLI sent (cli-protocol §4.3.1). A client may send anything, so a link
 * is made only of values that have the expected form. Pure.
 */

export interface SourceLink {
  text: string;
  /** An address of the version control or CI system; absent if the environment names none. */
  href?: string;
}

export interface Source {
  commit?: SourceLink;
  branch?: SourceLink;
  pullRequest?: SourceLink;
  run?: SourceLink;
}

/** The keys of the environment that `sourceOf` reads. */
export const sourceKeys = [
  "git.head",
  "git.headName",
  "vcs.kind",
  "vcs.owner",
  "vcs.repo",
  "ci.system",
  "ci.build.url",
  "ci.build.id",
  "ci.build.number",
  "ci.pr.number",
] as const;
export type SourceEnvironment = { [key in (typeof sourceKeys)[number]]?: unknown };

/** Maximum number of characters of a text, and of an address. */
const TEXT = 80;
const ADDRESS = 300;

interface Paths {
  commit: string;
  branch: string;
  pullRequest: string;
}
const paths: { host: RegExp; its: Paths }[] = [
  { host: /^(?:.+\.)?github(?:\..+)?$/, its: { commit: "commit", branch: "tree", pullRequest: "pull" } },
  { host: /^(?:.+\.)?gitlab(?:\..+)?$/, its: { commit: "-/commit", branch: "-/tree", pullRequest: "-/merge_requests" } },
  { host: /^(?:.+\.)?bitbucket(?:\..+)?$/, its: { commit: "commits", branch: "branch", pullRequest: "pull-requests" } },
];

/** The CLI sends the host of the repository as `vcs.kind`. Paths are known for three products only, so a host must bear the name of one. */
const HOST = /^(?=.{1,100}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;
const OWNER = /^(?!\.{1,2}(?:\/|$))[\w.-]{1,100}(?:\/(?!\.{1,2}(?:\/|$))[\w.-]{1,100}){0,5}$/;
const REPOSITORY = /^(?!\.{1,2}$)[\w.-]{1,100}$/;
const COMMIT = /^[0-9a-f]{7,64}$/;
const BRANCH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.-][\w./-]{0,199}$/;

export function sourceOf(environment: SourceEnvironment): Source {
  const value = (key: (typeof sourceKeys)[number]): string => {
    const its = environment[key];
    return typeof its === "string" ? its : "";
  };
  const repository = repositoryOf(value("vcs.kind").toLowerCase(), value("vcs.owner"), value("vcs.repo"));
  const link = (text: string, part: keyof Paths, fits: RegExp, id = text): SourceLink => ({
    text: shortened(text),
    ...(repository && fits.test(id) && { href: `${repository.base}/${repository.its[part]}/${id}` }),
  });
  const [head, branch, pull] = [value("git.head"), value("git.headName").replace(/^refs\/heads\//, ""), value("ci.pr.number")];
  const number = value("ci.build.number") || value("ci.build.id");
  return {
    ...(head && { commit: link(COMMIT.test(head) ? head.slice(0, 8) : head, "commit", COMMIT, head) }),
    ...(branch && { branch: link(branch, "branch", BRANCH) }),
    ...(pull && { pullRequest: link(`#${pull}`, "pullRequest", /^\d{1,12}$/, pull) }),
    ...((number || value("ci.build.url")) && { run: runOf(value("ci.system"), number, value("ci.build.url")) }),
  };
}

function repositoryOf(host: string, owner: string, name: string): { base: string; its: Paths } | undefined {
  const its = paths.find((one) => one.host.test(host))?.its;
  if (!its || !HOST.test(host) || !OWNER.test(owner) || !REPOSITORY.test(name)) return undefined;
  return { base: `https://${host}/${owner}/${name}`, its };
}

function runOf(system: string, number: string, address: string): SourceLink {
  const text = [system, number].filter(Boolean).join(" ") || "CI run";
  const href = addressOf(address);
  return { text: shortened(text), ...(href !== undefined && { href }) };
}

/** An address of http or https without a password in it; undefined for any other text. */
function addressOf(text: string): string | undefined {
  if (text.length > ADDRESS || !/^https?:\/\//i.test(text)) return undefined;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username !== "" || url.password !== "") return undefined;
  return url.href.length > ADDRESS ? undefined : url.href;
}

const shortened = (text: string): string => (text.length > TEXT ? `${text.slice(0, TEXT)}…` : text);
