/** Times for reading, in the reader's own time zone, always 24 hours. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit" });

export function clockTime(milliseconds: number): string {
  return CLOCK.format(milliseconds);
}

export function dayTime(milliseconds: number): string {
  return `${DAY.format(milliseconds)} ${CLOCK.format(milliseconds)}`;
}
