/**
 * Prices of Cloudflare's Workers Paid plan in US dollars, read on 2026-11-29 from the public pages "Pricing" of Workers, D1, Durable Objects,
 * KV, R2 and Queues at developers.cloudflare.com. Change this file when they change.
 */
export const PRICES_OF = "2026-11-29";

/** Dollars a month for the plan. */
export const PLAN = 5;

export interface Price {
  name: string;
  /** Units in a month that cost nothing more. */
  included: number;
  /** Dollars for a million further units; for storage, for one GB-month. */
  price: number;
  per: number;
}

const MILLION = 1_000_000;

/** Everything that Cloudflare bills, in the order of its pages. */
export const prices = {
  requests: { name: "requests to the Worker", included: 10 * MILLION, price: 0.3, per: MILLION },
  databaseRead: { name: "rows read in D1", included: 25_000 * MILLION, price: 0.001, per: MILLION },
  databaseWritten: { name: "rows written in D1", included: 50 * MILLION, price: 1, per: MILLION },
  databaseStored: { name: "GB stored in D1", included: 5, price: 0.75, per: 1 },
  objectRequests: { name: "requests to Durable Objects", included: MILLION, price: 0.15, per: MILLION },
  objectTime: { name: "GB-seconds of Durable Objects", included: 400_000, price: 12.5, per: MILLION },
  objectRead: { name: "rows read in Durable Objects", included: 25_000 * MILLION, price: 0.001, per: MILLION },
  objectWritten: { name: "rows written in Durable Objects", included: 50 * MILLION, price: 1, per: MILLION },
  cacheRead: { name: "reads of KV", included: 10 * MILLION, price: 0.5, per: MILLION },
  cacheWritten: { name: "writes of KV", included: MILLION, price: 5, per: MILLION },
  bucketWritten: { name: "class A operations of R2", included: MILLION, price: 4.5, per: MILLION },
  bucketRead: { name: "class B operations of R2", included: 10 * MILLION, price: 0.36, per: MILLION },
  bucketStored: { name: "GB stored in R2", included: 10, price: 0.015, per: 1 },
  queue: { name: "operations of Queues", included: MILLION, price: 0.4, per: MILLION },
} satisfies Record<string, Price>;

export type Billed = keyof typeof prices;

/** Units in a month, by what is billed. */
export type Amounts = Partial<Record<Billed, number>>;

/** Dollars for units of one kind beyond those that are included. */
export function dollars(billed: Billed, amount: number): number {
  const { included, price, per } = prices[billed];
  return (Math.max(0, amount - included) / per) * price;
}
