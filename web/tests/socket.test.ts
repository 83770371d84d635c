import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LastingSocket } from "../src/api/socket";

/** A peer's end of the line: it hears what is sent, and says what a test lets it say. */
class Peer {
  static readonly OPEN = 1;
  static readonly lines: Peer[] = [];
  readyState = 0;
  readonly heard: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    Peer.lines.push(this);
  }
  accept(): void {
    this.readyState = Peer.OPEN;
    this.onopen?.();
  }
  answer(): void {
    this.onmessage?.({ data: "{}" });
  }
  send(text: string): void {
    this.heard.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
}

let page: EventTarget;
let socket: LastingSocket;

/** Open a socket on a page whose intervals are at least this long: a browser lets a hidden tab run once a minute. */
function open(intervalLeast = 0): void {
  const lengthened = (act: () => void, pause: number): unknown => setInterval(act, Math.max(pause, intervalLeast));
  page = Object.assign(new EventTarget(), { setTimeout, setInterval: lengthened, clearTimeout, clearInterval });
  vi.stubGlobal("window", page);
  socket = new LastingSocket("/stream", { onOpen: () => {}, onMessage: () => {}, probe: () => "probe" });
}

beforeEach(() => {
  vi.useFakeTimers();
  Peer.lines.length = 0;
  vi.stubGlobal("location", { protocol: "http:", host: "exchange" });
  vi.stubGlobal("WebSocket", Peer);
});

afterEach(() => {
  socket.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function line(): Peer {
  return Peer.lines.at(-1) ?? expect.fail("no connection");
}

test("a peer that is silent is taken for dead within 20 seconds, and connected to anew", () => {
  open();
  line().accept();
  vi.advanceTimersByTime(10_000);
  expect([line().heard, socket.connection.value]).toEqual([['"probe"'], "open"]);
  vi.advanceTimersByTime(10_000);
  expect(socket.connection.value).toBe("lost");
  vi.advanceTimersByTime(500);
  expect(Peer.lines).toHaveLength(2);
});

test("a peer that answers is kept by a hidden tab, which looks only once a minute", () => {
  open(60_000);
  line().accept();
  for (let minute = 0; minute < 3; minute += 1) {
    vi.advanceTimersByTime(60_100);
    line().answer();
  }
  expect([line().heard.length, socket.connection.value, Peer.lines.length]).toEqual([3, "open", 1]);
});

test("a peer that does not take the connection is given up", () => {
  open();
  vi.advanceTimersByTime(10_000);
  expect(socket.connection.value).toBe("lost");
});

test("without a network the connection is lost at once, and back as soon as there is one", () => {
  open();
  line().accept();
  page.dispatchEvent(new Event("offline"));
  expect(socket.connection.value).toBe("lost");
  page.dispatchEvent(new Event("online"));
  line().accept();
  expect([socket.connection.value, Peer.lines.length]).toEqual(["open", 2]);
});

test("a network that comes back while a connection is made leaves no second one behind", () => {
  open();
  line().accept();
  page.dispatchEvent(new Event("offline"));
  vi.advanceTimersByTime(500);
  const pending = line();
  page.dispatchEvent(new Event("online"));
  line().accept();
  pending.onclose?.();
  expect([pending.readyState, socket.connection.value, Peer.lines.length]).toEqual([3, "open", 3]);
});
