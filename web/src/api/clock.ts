/** Knows the exchange's time: private requests carry it, and a wrong local clock must not refuse them. */

const RESYNC_MS = 300_000;
const SAMPLES = 3;

export class ExchangeClock {
  private offsetMs = 0;
  private measured: Promise<void> | null = null;
  private measuredAt = 0;

  /** Say the exchange's time in whole milliseconds, measuring the offset first when it is old. */
  async now(): Promise<number> {
    if (this.measured === null || performance.now() - this.measuredAt > RESYNC_MS) this.resync();
    await this.measured;
    return Math.floor(Date.now() + this.offsetMs);
  }

  /** Measure again before the next use: the exchange said that our time is wrong. */
  resync(): void {
    this.measuredAt = performance.now();
    this.measured = this.measure().catch(() => {
      this.measured = null; // Stay with the last known offset and try again at the next call.
    });
  }

  private async measure(): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const sent = Date.now();
      const answer = await fetch("/api/v3/time", { cache: "no-store" });
      const { serverTime } = (await answer.json()) as { serverTime: number };
      const received = Date.now();
      // The shortest round trip bounds the error best; a timestamp in the future is refused, so assume the late half.
      if (received - sent < shortest) {
        shortest = received - sent;
        this.offsetMs = serverTime - received;
      }
    }
  }
}
