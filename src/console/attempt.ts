import type * as z from "zod/mini";
import { AppError, badRequest } from "../errors.ts";

/** What a form's reader is told: a sentence for the whole, and one for each field at fault. */
export interface Problem {
  message: string;
  fields: Record<string, string>;
}

/** Faults that a page names. */
const MOST_FAULTS = 10;

/** Reads a form by the schema that the API reads its body by. */
export function readForm<Schema extends z.ZodMiniType>(schema: Schema, input: unknown): { value: z.output<Schema> } | { problem: Problem } {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data };
  const fields: Record<string, string> = {};
  for (const issue of result.error.issues.slice(0, MOST_FAULTS))
    fields[String(issue.path[0] ?? "")] ??= `${issue.message}.`.replace(/\.\.$/, ".");
  return { problem: { message: "Please correct what is marked.", fields } };
}

/** Reads the query of a page whose form cannot be wrong: only a link made by hand is. @throws 400 */
export function readQuery<Schema extends z.ZodMiniType>(schema: Schema, query: Record<string, string | undefined>): z.output<Schema> {
  const read = readForm(schema, query);
  if ("problem" in read) throw badRequest(`the link asks for something that there is not: ${Object.keys(read.problem.fields).join(", ")}`);
  return read.value;
}

/** Does it, or says what the service refused, so that the form can be shown again with what was typed. Only a 4xx is the reader's to mend. */
export async function attempt<T>(work: () => Promise<T>, mendable = [400, 409]): Promise<{ value: T } | { problem: Problem }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof AppError && mendable.includes(error.status))) throw error;
    return { problem: { message: error.message, fields: {} } };
  }
}
