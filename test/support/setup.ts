import * as fc from "fast-check";
import { beforeEach, inject } from "vitest";
import { freshUnlessShared } from "./fresh.ts";

beforeEach(freshUnlessShared);
fc.configureGlobal({ seed: inject("seed") });

/** The Worker's log lines about its usual work, one for each request. A failure is logged as another kind of line, and is shown. */
const ROUTINE = /^\{"message":"(request|queue|cron|alarm)"/;

/**
 * Routine lines are not sent to the reporter, because that would take longer than writing them. This file runs once for each file of tests.
 */
const own = console as Console & { shown?: Console["log"] };
own.shown ??= own.log.bind(own);
const { shown } = own;
own.log = (...args: unknown[]) => {
  if (!ROUTINE.test(String(args[0]))) shown(...args);
};
