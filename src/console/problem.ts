/** The statuses of a page. */
export type PageStatus = 200 | 400 | 403 | 404 | 409 | 429 | 503;

/** The faults of a form: one sentence for the whole, and one for each faulty field. */
export interface Problem {
  message: string;
  fields: Record<string, string>;
  /** The status of a refusal. */
  status?: PageStatus | undefined;
}
