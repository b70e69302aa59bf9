import * as z from "zod/mini";
import { text } from "./bounded.ts";

/** The name of an organization in a path. Any text is accepted: an unknown name of any format is a 404. */
export const orgName = text(200);

const checked = (what: string) =>
  text(100, `a ${what} name has 1 to 100 characters of A-Z a-z 0-9 _ . -`).check(
    z.regex(/^[A-Za-z0-9_.-]{1,100}$/, `a ${what} name has 1 to 100 characters of A-Z a-z 0-9 _ . -`),
    z.refine((name) => name !== "." && name !== "..", `. and .. are not ${what} names`),
  );

/** cli-protocol §3.2. Checked on every call, because the CLI panics on a bad name in a list. */
export const projectName = checked("project");
export const stackName = checked("stack");

/** The name of a team that is created. In a path any text is accepted: an unknown name is a 404. */
export const newTeamName = checked("team");
export const teamName = text(200);
