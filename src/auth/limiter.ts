/** Counts one more under a key. @returns whether that is within the limiter's limit. A limiter that does not answer refuses nobody. */
export async function withinLimit(limiter: RateLimit, key: string): Promise<boolean> {
  try {
    return (await limiter.limit({ key })).success;
  } catch {
    return true;
  }
}
