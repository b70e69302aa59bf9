/**
 * `npm run costs [-- --updates-per-day N --resources N --changed N --kilobytes N --seconds N --requests-per-day N --months N]`: what a
 * deployment costs in a month at Cloudflare, from counted operations and public prices. docs/costs.md explains the figures.
 */
import { amountsOfMonth, costs, total } from "./costs/model.ts";
import { PLAN, PRICES_OF, prices } from "./costs/prices.ts";
import { fail } from "./fail.ts";
import { readOptions } from "./options.ts";

const options = {
  "updates-per-day": "200",
  resources: "100",
  changed: "10",
  kilobytes: "4",
  seconds: "60",
  "requests-per-day": "2000",
  months: "12",
};
const values = readOptions(
  Object.fromEntries(Object.entries(options).map(([name, usual]) => [name, { type: "string" as const, default: usual }])),
) as Record<keyof typeof options, string>;

function numberOf(name: keyof typeof options): number {
  const value = Number(values[name]);
  return values[name].trim() !== "" && value >= 0 && value <= 1e9 ? value : fail(`--${name} needs a number from 0 to 1000000000`);
}

const resources = numberOf("resources");
const amounts = amountsOfMonth({
  updates: numberOf("updates-per-day"),
  resources,
  changed: Math.min(resources, numberOf("changed")),
  kilobytes: numberOf("kilobytes"),
  seconds: numberOf("seconds"),
  requests: numberOf("requests-per-day"),
  months: numberOf("months"),
});
const inDollars = (amount: number) => `$${amount.toFixed(2)}`;
const rounded = (amount: number) => (amount < 10 ? amount.toFixed(2) : Math.round(amount).toLocaleString("en-US"));
const row = (...[name, amount, included, cost]: [string, string, string, string]) =>
  console.log(`${name.padEnd(34)}${amount.padStart(16)}${included.padStart(18)}${cost.padStart(10)}`);
console.log(
  Object.keys(options)
    .map((name) => `--${name} ${values[name as keyof typeof options]}`)
    .join(" "),
);
console.log(`A month at Cloudflare, with its prices of ${PRICES_OF}:\n`);
row("", "amount", "included", "cost");
row("Workers Paid", "", "", inDollars(PLAN));
for (const { kind, amount, dollars } of costs(amounts))
  row(prices[kind].name, rounded(amount), rounded(prices[kind].included), inDollars(dollars));
row("total", "", "", inDollars(total(amounts)));
