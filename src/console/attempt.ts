import type * as z from "zod/mini";
import { AppError, badRequest } from "../errors.ts";
import type { PageStatus, Problem } from "./problem.ts";

export type { Problem } from "./problem.ts";

/**
 * The status of a page that shows a form, perhaps with a fault. The page itself exists, so a 404 is a fault of what the form names, and
 * becomes a 400.
 */
export function statusOf(problem: Problem | undefined): PageStatus {
  if (!problem) return 200;
  return problem.status === undefined || problem.status === 404 ? 400 : problem.status;
}

/** The members of a page that shows a form, perhaps with a fault. Its handler of GET must show the problem in `ctx.page` as well. */
export const answering = (problem: Problem | undefined) => ({ status: statusOf(problem), problem });

/** Maximum number of faults that a page names. */
const MOST_FAULTS = 10;

/** Reads a form by the schema of the API's body. */
export function readForm<Schema extends z.ZodMiniType>(schema: Schema, input: unknown): { value: z.output<Schema> } | { problem: Problem } {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data };
  const fields: Record<string, string> = {};
  for (const issue of result.error.issues.slice(0, MOST_FAULTS))
    fields[String(issue.path[0] ?? "")] ??= `${issue.message}.`.replace(/\.\.$/, ".");
  return { problem: { message: "Please correct the marked fields.", fields } };
}

/** Reads the query of a page. Its form is always valid, so only a link that was written by hand can be invalid. @throws 400 */
export function readQuery<Schema extends z.ZodMiniType>(schema: Schema, query: Record<string, string | undefined>): z.output<Schema> {
  const read = readForm(schema, query);
  if ("problem" in read) throw badRequest(`the link has invalid parameters: ${Object.keys(read.problem.fields).join(", ")}`);
  return read.value;
}

/** The message of a refusal without the name of its status, which the API's clients expect at its beginning. */
export const sentenceOf = (message: string): string =>
  message.replace(/^(?:Bad Request|Not Found|Conflict|Forbidden|Unauthorized|Too Many Requests): /, "");

/**
 * Runs an action, or returns the refusal, so that the form can be shown again with the typed values. Only the reader can correct a 4xx;
 * other errors are thrown.
 */
export async function attempt<T>(work: () => Promise<T>, mendable = [400, 409]): Promise<{ value: T } | { problem: Problem }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof AppError && mendable.includes(error.status))) throw error;
    return { problem: { message: sentenceOf(error.message), fields: {}, status: error.status as PageStatus } };
  }
}
