// What the suites share: where the venue is and whose keys to use (from the environment), bounded waits, a line to cut.

import assert from "node:assert/strict";
import net from "node:net";
import { inspect } from "node:util";

export const HTTP = process.env.VENUE_HTTP;
export const SOCKET = process.env.VENUE_SOCKET;
export const SYMBOL = "BTCUSDT";
export const KEY = process.env.VENUE_KEY;
export const SECRET = process.env.VENUE_SECRET;
const WAIT_MS = 20_000;

// Run the steps in order; the first that fails ends the process, for libraries keep sockets and timers open.
export async function run(steps) {
  for (const [name, step] of Object.entries(steps)) {
    const began = Date.now();
    try {
      await within(step(), name, 60_000);
    } catch (error) {
      console.error(`not ok: ${name}\n${inspect(error, { depth: 2 }).slice(0, 6_000)}`);
      process.exit(1);
    }
    console.log(`ok: ${name} (${Date.now() - began} ms)`);
  }
  process.exit(0);
}

export function within(promise, what, ms = WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Ask again until the answer is true, for what the venue shows a moment after it happened.
export async function until(ask, what, ms = WAIT_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `${what}: not within ${ms} ms`);
    await pause(100);
  }
}

// What arrived on a stream, kept in order.
export class Inbox {
  #arrived = [];

  put = (message) => this.#arrived.push(message);

  first(matches = () => true, what = "a message") {
    return until(() => this.#arrived.find(matches), what);
  }

  has = (matches) => this.#arrived.some(matches);

  all = () => [...this.#arrived];

  clear() {
    this.#arrived.length = 0;
  }
}

// A refusal must be one, and the one that Binance gives.
export async function refused(promise, code, text) {
  const error = await promise.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`),
    (reason) => reason,
  );
  const said = `${error?.code} ${error?.message ?? error?.msg} ${JSON.stringify(error)}`;
  assert.ok(said.includes(String(code)), `no ${code} in ${said}`);
  assert.ok(said.includes(text), `no "${text}" in ${said}`);
  return error;
}

// A price so many per mille from the market, on the tick: within the filters, and beyond what the makers do meanwhile.
export const near = (price, perMille) => (Math.round(Number(price) * (1000 + perMille)) / 1000).toFixed(2);

// The way to the venue's sockets through a line that can be cut, to see how a library comes back.
export async function line() {
  const to = new URL(SOCKET);
  const open = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(Number(to.port), to.hostname);
    for (const [end, other] of [[near, far], [far, near]]) {
      open.add(end);
      end.on("error", () => other.destroy());
      end.on("close", () => open.delete(end) && other.destroy());
      end.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    cut: () => open.forEach((end) => end.destroy()),
  };
}
