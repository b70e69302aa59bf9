import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inject } from "vitest";

/** The parts of `@pulumi/pulumi/automation` that we use; the SDK is not among our dependencies. */
export interface Automation {
  LocalWorkspace: {
    createStack: MakeStack;
    selectStack: MakeStack;
    createOrSelectStack: MakeStack;
  };
  CommandError: ErrorClass;
  ConcurrentUpdateError: ErrorClass;
  StackAlreadyExistsError: ErrorClass;
  StackNotFoundError: ErrorClass;
}

type ErrorClass = new (...args: never[]) => Error;
type InlineProgram = { stackName: string; projectName: string; program: () => Promise<Record<string, unknown>> };
type LocalProgram = { stackName: string; workDir: string };
type Options = { pulumiHome: string; envVars: Record<string, string> };
type MakeStack = (program: InlineProgram | LocalProgram, options: Options) => Promise<AutomationStack>;

interface Value {
  value: unknown;
  secret?: boolean;
}

interface Summary {
  kind: string;
  result: string;
  version: number;
  message: string;
  resourceChanges?: Record<string, number>;
  config: Record<string, Value>;
}

interface Deployment {
  version: number;
  deployment: { resources: { urn: string }[] };
}

export interface AutomationStack {
  setAllConfig(config: Record<string, Value>): Promise<void>;
  getConfig(key: string): Promise<Value>;
  removeConfig(key: string): Promise<void>;
  setTag(name: string, value: string): Promise<void>;
  listTags(): Promise<Record<string, string>>;
  preview(): Promise<{ changeSummary: Record<string, number> }>;
  up(options?: { message: string }): Promise<{ summary: Summary; outputs: Record<string, Value>; stdout: string }>;
  refresh(): Promise<{ summary: Summary }>;
  destroy(): Promise<{ summary: Summary }>;
  cancel(): Promise<void>;
  outputs(): Promise<Record<string, Value>>;
  history(pageSize?: number, page?: number, showSecrets?: boolean): Promise<Summary[]>;
  exportStack(): Promise<Deployment>;
  importStack(state: Deployment): Promise<void>;
  workspace: {
    whoAmI(): Promise<{ user: string; organizations: string[]; tokenInformation?: object }>;
    listStacks(): Promise<{ name: string }[]>;
    removeStack(name: string): Promise<void>;
  };
}

/** The parts of `@pulumi/pulumi` that an inline program needs. */
export interface Pulumi {
  Config: new () => { require(key: string): string; requireSecret(key: string): unknown };
  ComponentResource: new (type: string, name: string) => { urn: unknown };
}

/** The SDK, in this process; it finds the CLI in PATH. */
export function loadSdk(): { pulumi: Pulumi; automation: Automation } {
  process.env["PATH"] = `${dirname(inject("cli"))}:${process.env["PATH"]}`;
  const require = createRequire(join(inject("nodeModules"), "anything.js"));
  return { pulumi: require("@pulumi/pulumi") as Pulumi, automation: require("@pulumi/pulumi/automation") as Automation };
}
