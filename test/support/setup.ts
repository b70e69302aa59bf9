import * as fc from "fast-check";
import { beforeEach, inject } from "vitest";
import { freshUnlessShared } from "./fresh.ts";

beforeEach(freshUnlessShared);
fc.configureGlobal({ seed: inject("seed") });

/** The Worker's lines for what it has done: one for each request. What fails is a line of another kind, and is shown. */
const ROUTINE = /^\{"message":"(request|queue|cron|alarm)"/;

/** Routine lines are not sent to the reporter: that would take longer than to write them. This file runs once for each file of tests. */
const own = console as Console & { shown?: Console["log"] };
own.shown ??= own.log.bind(own);
const { shown } = own;
own.log = (...args: unknown[]) => {
  if (!ROUTINE.test(String(args[0]))) shown(...args);
};
