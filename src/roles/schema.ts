import * as z from "zod/mini";
import { text, unread } from "../http/bounded.ts";
import { uxPurposes } from "./table.ts";

const NAME = "the name of a role has 1 to 100 characters";

export const uxPurpose = z.enum(uxPurposes, "Role purpose is not valid.");

const name = text(100, NAME).check(z.trim(), z.minLength(1, NAME));
const description = text(1000, "the description of a role has at most 1000 characters");

/** The tree is stored as text, and `readDescriptor` checks it. */
const details = unread(z.optional(z.unknown()));

export const CreateRoleRequest = z.object({
  name,
  description: z.nullish(description),
  resourceType: z.nullish(text(100)),
  uxPurpose: z.nullish(uxPurpose),
  details,
});

/** A member that is absent or null stays unchanged. */
export const UpdateRoleRequest = z.object({ name: z.nullish(name), description: z.nullish(description), details });

export const flag = z.pipe(
  z.optional(z.enum(["true", "false"], "invalid query parameter")),
  z.transform((said) => said === "true"),
);
