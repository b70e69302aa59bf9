/**
 * Sends two requests at the same moment, or one of them up to three milliseconds before the other. In the first two pairs one request waits
 * for the answer to the other, so that each of them wins once, whatever the machine's timing is.
 * @param n number of the pair
 */
export async function race<One, Other>(n: number, one: () => Promise<One>, other: () => Promise<Other>): Promise<[One, Other]> {
  if (n === 0) {
    const first = await one();
    return [first, await other()];
  }
  if (n === 1) {
    const first = await other();
    return [await one(), first];
  }
  const lead = (n % 7) - 3;
  return Promise.all([after(lead, one), after(-lead, other)]);
}

async function after<T>(ms: number, work: () => Promise<T>): Promise<T> {
  if (ms > 0) await scheduler.wait(ms);
  return work();
}
