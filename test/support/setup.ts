import * as fc from "fast-check";
import { beforeEach, inject } from "vitest";
import { freshBindings } from "./fresh.ts";

beforeEach(freshBindings);
fc.configureGlobal({ seed: inject("seed") });
