import type { Bindings } from "./env.ts";
import { AppError } from "./errors.ts";
import { readLimits, wholeNumber } from "./limits.ts";
import { logError } from "./log.ts";
import { editions } from "./orgs/table.ts";

const DAY = 86_400;

/** What is wrong with the deployment's variables, a sentence each. A value is not repeated: it may be a secret in a wrong place. */
export function settingFaults(env: Bindings): string[] {
  const { faults } = readLimits(env);
  const { LEASE_SECONDS = "", DEFAULT_EDITION = "" } = env as Partial<Bindings>;
  if (LEASE_SECONDS !== "" && wholeNumber(LEASE_SECONDS, DAY) === undefined)
    faults.push(`LEASE_SECONDS must be a whole number of seconds from 1 to ${DAY}.`);
  if (DEFAULT_EDITION !== "" && !editions.some((edition) => edition === DEFAULT_EDITION))
    faults.push(`DEFAULT_EDITION must be one of ${editions.join(", ")}.`);
  return faults;
}

/** A deployment with a wrong setting does no work: a default in its place would go unnoticed. @throws 503 with what is wrong */
export function requireSettings(env: Bindings): void {
  const faults = settingFaults(env);
  if (faults.length > 0) throw new AppError(503, `Service Unavailable: a setting of this server is not valid: ${faults.join(" ")}`);
}

const logged = new WeakSet<Bindings>();

/** Logs what is wrong when an isolate does its first work. */
export function logSettingFaults(env: Bindings): void {
  if (logged.has(env)) return;
  logged.add(env);
  for (const fault of settingFaults(env)) logError("setting not valid", fault);
}
