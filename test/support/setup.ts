import { beforeEach } from "vitest";
import { freshBindings } from "./fresh.ts";

beforeEach(freshBindings);
