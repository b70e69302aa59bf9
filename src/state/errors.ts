/** The error of an invalid deployment or journal. The HTTP layer answers 400. */
export class StateError extends Error {
  override readonly name: string = "StateError";
}

/** The error of a resource or other member of a deployment that is too large. The HTTP layer answers 413. */
export class StateTooLarge extends StateError {
  override readonly name = "StateTooLarge";
}
