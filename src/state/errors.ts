/** A deployment or journal that we refuse to store: its sender's mistake, so the HTTP layer answers 400. */
export class StateError extends Error {
  override readonly name: string = "StateError";
}

/** One resource (or other member) of a deployment is larger than we take: 413. */
export class StateTooLarge extends StateError {
  override readonly name = "StateTooLarge";
}
