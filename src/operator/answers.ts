import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";

const Checks = z.record(z.string(), z.enum(["ok", "failed"]));

export const operatorAnswers: Answers = {
  Health: {
    200: z.object({ status: z.enum(["ok", "degraded"]), checks: Checks }),
    503: z.object({ code: z.literal(503), message: z.string(), status: z.literal("failed"), checks: Checks }),
  },
  Metrics: { 200: null },
};
