import { type Claims, textOf } from "./claims.ts";

/** Maximum number of characters of a name in the audit log. */
const MOST = 100;

/**
 * The name of an exchanged token in the audit log, such as `github:acme/shop@main`: the issuer, and the pipeline by its claims. The colon is in no
 * name that a person can choose for a token. The claims are texts of somebody else, so the name is one line with a bound.
 */
export function nameFor(issuerName: string, claims: Claims): string {
  const repository = textOf(claims, "repository") || textOf(claims, "project_path");
  const place = textOf(claims, "ref").replace(/^refs\/(heads|tags)\//, "") || textOf(claims, "environment");
  const pipeline = repository ? `${repository}${place && `@${place}`}` : textOf(claims, "sub");
  return oneLine(`${issuerName}:${pipeline}`, MOST);
}

export const subjectOf = (claims: Claims): string => oneLine(textOf(claims, "sub"), 255);

/** A text in one line, cut to a number of characters. */
export const oneLine = (text: string, most: number): string =>
  [...text.toWellFormed().replaceAll(/[\p{C}\s]+/gu, " ")].slice(0, most).join("");

const path = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)+$/;
const word = /^[A-Za-z0-9_.-]+$/;

/** The address of the run that the token belongs to, or "". It is made of the issuer and of checked claims, so that it cannot lead elsewhere. */
export function runOf(issuer: string, claims: Claims): string {
  const valid = (claim: string, shape: RegExp) => {
    const text = textOf(claims, claim);
    return shape.test(text) ? text : "";
  };
  const host = new URL(issuer).hostname;
  if (host === "token.actions.githubusercontent.com") {
    const repository = valid("repository", path);
    const run = valid("run_id", word);
    return repository && run && `https://github.com/${repository}/actions/runs/${run}`;
  }
  if (host === "agent.buildkite.com") {
    const pipeline = [valid("organization_slug", word), valid("pipeline_slug", word), "builds", valid("build_number", word)];
    return pipeline.every(Boolean) ? `https://buildkite.com/${pipeline.join("/")}` : "";
  }
  const project = valid("project_path", path);
  const job = valid("job_id", word);
  return project && job && `${issuer.replace(/\/$/, "")}/${project}/-/jobs/${job}`;
}
