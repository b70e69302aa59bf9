import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const Checks = z.record(z.string(), z.enum(["ok", "failed"]));

export const operatorOperations = {
  Health: {
    tags: ["Operation"],
    summary: "Returns whether this deployment is ready to answer",
    answers: {
      200: z.object({ status: z.enum(["ok", "degraded"]), checks: Checks }),
      503: z.object({
        code: z.literal(503),
        message: z.string(),
        status: z.literal("failed"),
        checks: Checks,
        settings: z.optional(z.array(z.string())),
      }),
    },
  },
  Metrics: {
    tags: ["Operation"],
    summary: "Metrics for the operator, for Prometheus, or as JSON for clients that accept only JSON",
    answers: { 200: null },
  },
} satisfies Operations;
