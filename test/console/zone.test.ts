import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOf, timeText, wallAt, zoneNamed, zones } from "../../src/console/zone.ts";

const winter = Date.UTC(2026, 0, 31, 22, 59, 58, 900);
const summer = Date.UTC(2026, 6, 31, 22, 59, 58);

describe("a time zone", () => {
  it("is written with every time", () => {
    expect(timeText(winter, "UTC", true)).toBe("2026-01-31 22:59:58 UTC");
    expect(timeText(winter, "Europe/Berlin", true)).toBe("2026-01-31 23:59:58 GMT+1");
    expect(timeText(summer, "Europe/Berlin")).toBe("2026-08-01 00:59 GMT+2");
    expect(timeText(winter, "Asia/Kolkata")).toBe("2026-02-01 04:29 GMT+5:30");
    expect(timeText(winter, "Europe/London")).toBe("2026-01-31 22:59 UTC");
    expect(timeText(8.64e15 + 1, "Europe/Berlin")).toBe("after all dates");
    for (const at of [0, -6.3e13, -8.64e15, 8.64e15])
      expect(timeText(at, "America/New_York", true)).toMatch(/^[+-]?\d{4,6}-\d\d-\d\d \d\d:/);
  });

  it("is known by its name and by an older name, and nothing else is one", () => {
    expect(zoneNamed("Europe/Berlin")).toBe("Europe/Berlin");
    for (const name of ["Asia/Kolkata", "Asia/Calcutta"]) expect(zones()).toContain(zoneNamed(name));
    for (const name of [null, "", "Mars/Olympus", "<b>", "+01:00", "x".repeat(1000)]) expect(zoneNamed(name)).toBeUndefined();
  });

  it("maps what its clocks show to the time, and back, except in the hour that clocks show twice", () => {
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Kiritimati");
    fc.assert(
      fc.property(zone, fc.integer({ min: Date.UTC(1990, 0, 1) / 1000, max: Date.UTC(2060, 0, 1) / 1000 }), (name, second) => {
        const { day, time } = wallAt(second * 1000, name);
        const found = instantOf(`${day}T${time}`, name)!;
        expect(wallAt(found, name)).toMatchObject({ day, time });
        expect(Math.abs(found - second * 1000)).toBeLessThanOrEqual(3_600_000);
      }),
    );
  });

  it("finds a time for what its clocks skip, and none for other texts", () => {
    // In Berlin, clocks go from 01:59:59 to 03:00:00.
    expect(Math.abs(instantOf("2026-03-29T02:30", "Europe/Berlin")! - Date.UTC(2026, 2, 29, 1, 0))).toBeLessThanOrEqual(3_600_000);
    expect(instantOf("2026-01-31", "Europe/Berlin")).toBe(Date.UTC(2026, 0, 30, 23));
    for (const text of ["", "never", "2026-13-01T00:00", "2026-01-31T25:00", "2026-01-31T00:00Z"])
      expect(instantOf(text, "Europe/Berlin")).toBeUndefined();
  });
});
