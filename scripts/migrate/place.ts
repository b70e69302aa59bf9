/** Where stacks are: a server that speaks Pulumi Cloud's API, or a bucket or folder of the CLI's own. */
export interface StackName {
  /** `organization` in a bucket or folder: the CLI writes this word there. */
  org: string;
  project: string;
  stack: string;
}

export const nameText = ({ org, project, stack }: StackName): string => `${org}/${project}/${stack}`;

/** Facts that show whether a stack has changed. */
export interface Revision {
  /** Number of the newest update. A bucket has none. */
  version?: number;
  isRunning: boolean;
}

/** The facts about a stack that can be read without its state. */
export interface Look extends Revision {
  tags: Record<string, string>;
  /** The environment that holds the stack's configuration instead of its file. */
  environment?: string;
}

/** Opens and closes secrets of one stack. Plaintexts are bytes in base64. */
export interface Crypter {
  open: (ciphertexts: string[]) => Promise<string[]>;
  seal: (plaintexts: string[]) => Promise<string[]>;
}

export interface Place {
  readonly kind: "server" | "bucket";
  readonly url: string;
  /** Stacks of an organization; a bucket has no organizations. */
  list: (org: string) => Promise<StackName[]>;
  look: (name: StackName) => Promise<Look | undefined>;
  /** The revision is read again after the stack was moved. A bucket knows none, so no CLI is started for it. */
  revision: (name: StackName) => Promise<Revision | undefined>;
  /** The text of an untyped deployment. */
  export: (name: StackName) => Promise<Uint8Array>;
  /**
   * @param settings lines of the stack's `Pulumi.STACK.yaml` that name its secrets provider
   * @returns whether the place has the tags
   */
  create: (name: StackName, tags: Record<string, string>, settings: string) => Promise<boolean>;
  import: (name: StackName, state: Uint8Array) => Promise<void>;
  /** Adds tags, or changes their values. @param before the tags that the stack has. @returns whether the place has the tags */
  addTags: (name: StackName, tags: Record<string, string>, before: Record<string, string>) => Promise<boolean>;
  /** The provider `service` of a stack. A bucket has none. */
  service?: (name: StackName) => { crypter: Crypter; state: string };
  /** Variables with which the CLI reaches the place. */
  cliEnv: () => Record<string, string>;
}

/** A reason for people, without secrets. Any other error is a defect of the program or of the network. */
export class Fault extends Error {}

/** The tags that the CLI and the server write by themselves. They are sent when a stack is created, and not compared. */
export const isBuiltIn = (tag: string): boolean => /^(?:pulumi|vcs|gitHub|gitlab|ci):/i.test(tag);
