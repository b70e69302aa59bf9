/**
 * Counts one request under a key. If the limiter does not answer, the request is allowed. @returns whether the count is within the limit
 */
export async function withinLimit(limiter: RateLimit, key: string): Promise<boolean> {
  try {
    return (await limiter.limit({ key })).success;
  } catch {
    return true;
  }
}
