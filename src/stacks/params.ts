import * as z from "zod/mini";
import { id, text } from "../http/bounded.ts";
import { orgName, projectName, stackName } from "../http/names.ts";

/** The API path of a stack. */
export const STACK_PATH = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const projectParams = z.object({ orgName, projectName });

/** `organization/project/stack`, checked at the edge. */
export const stackParams = z.object({ orgName, projectName, stackName });
/** The parameters of an update. Its id may be any text: an unknown one is a 404. */
export const updateParams = z.extend(stackParams, { updateID: id });
/** The parameters of a version, which is the number of an update. */
export const versionParams = z.extend(stackParams, {
  version: z.pipe(
    text(9, "a version is a number of 1 to 9 digits").check(z.regex(/^\d{1,9}$/, "a version is a number of 1 to 9 digits")),
    z.transform(Number),
  ),
});
