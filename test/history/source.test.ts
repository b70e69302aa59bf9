import { describe, expect, it } from "vitest";
import { sourceOf } from "../../src/history/source.ts";

const git = { "git.head": "1f0c3a4b5c6d7e8f", "git.headName": "refs/heads/main" };
const at = (kind: string, owner = "acme", repo = "shop") => ({ "vcs.kind": kind, "vcs.owner": owner, "vcs.repo": repo });

describe("the source of an update", () => {
  it.each([
    ["github.com", "commit/1f0c3a4b5c6d7e8f", "tree/main", "pull/3"],
    ["github.acme.example", "commit/1f0c3a4b5c6d7e8f", "tree/main", "pull/3"],
    ["gitlab.com", "-/commit/1f0c3a4b5c6d7e8f", "-/tree/main", "-/merge_requests/3"],
    ["bitbucket.org", "commits/1f0c3a4b5c6d7e8f", "branch/main", "pull-requests/3"],
  ])("links to %s", (kind, commit, branch, pull) => {
    const base = `https://${kind}/acme/shop`;
    expect(sourceOf({ ...git, ...at(kind), "ci.pr.number": "3" })).toEqual({
      commit: { text: "1f0c3a4b", href: `${base}/${commit}` },
      branch: { text: "main", href: `${base}/${branch}` },
      pullRequest: { text: "#3", href: `${base}/${pull}` },
    });
  });

  it("has groups of GitLab", () => {
    expect(sourceOf({ ...git, ...at("gitlab.com", "a/b-c/d") }).commit!.href).toBe(
      "https://gitlab.com/a/b-c/d/shop/-/commit/1f0c3a4b5c6d7e8f",
    );
  });

  it("is text where a value is not what it should be", () => {
    for (const odd of [
      at("evil.example"),
      at("github.com@evil.example"),
      at("github.com/evil"),
      at("github.com:99"),
      at("javascript:github"),
      at("github.com", ".."),
      at("github.com", "a/../b"),
      at("github.com", "a b"),
      at("github.com", "acme", ".."),
      at("github.com", "acme", "shop?x=1"),
      at("github.com", "acme", 'shop"onclick='),
      { "vcs.kind": 5, "vcs.owner": {}, "vcs.repo": null },
      {},
    ])
      expect(sourceOf({ ...git, ...odd }), JSON.stringify(odd)).toEqual({ commit: { text: "1f0c3a4b" }, branch: { text: "main" } });
    for (const head of ["../x", "HEAD", "1f0c", "javascript:alert(1)", "x".repeat(5000)]) {
      const { commit } = sourceOf({ ...at("github.com"), "git.head": head });
      expect(commit).not.toHaveProperty("href");
      expect(commit!.text.length).toBeLessThan(90);
    }
    for (const branch of ["../../evil", "a?b", "a#b", "a b", "./x", "x/..", "<b>"])
      expect(sourceOf({ ...at("github.com"), "git.headName": branch }).branch, branch).toEqual({ text: branch });
    expect(sourceOf({ ...at("github.com"), "ci.pr.number": "1/../2" }).pullRequest).toEqual({ text: "#1/../2" });
  });

  it("links to a CI run at an address of http or https without a password only", () => {
    const run = (url: string) => sourceOf({ "ci.system": "Jenkins", "ci.build.number": "7", "ci.build.url": url }).run;
    expect(run("https://ci.example/job/7?a=1")).toEqual({ text: "Jenkins 7", href: "https://ci.example/job/7?a=1" });
    expect(run("http://ci.example:8080/7")).toEqual({ text: "Jenkins 7", href: "http://ci.example:8080/7" });
    for (const odd of [
      "javascript:alert(1)",
      "data:text/html,x",
      "//evil",
      "ftp://x",
      "https://",
      "https://u:p@ci.example/",
      " https://x",
      `https://${"x".repeat(400)}`,
    ])
      expect(run(odd), odd).toEqual({ text: "Jenkins 7" });
    expect(sourceOf({ "ci.build.url": "https://ci.example/" }).run).toEqual({ text: "CI run", href: "https://ci.example/" });
  });
});
