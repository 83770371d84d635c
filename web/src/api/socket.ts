/** A WebSocket that comes back: reconnects with backoff, notices a dead peer, and keeps below the message limit. */
import { type ReadonlySignal, signal } from "@preact/signals";

export type Connection = "connecting" | "open" | "lost";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 15_000;
const FAILURES_WHEN_REFUSED = 3;
const SEND_SPACING_MS = 250; // The exchange closes a socket that sends more than five messages a second.
const PROBE_EVERY_MS = 10_000;
const ANSWER_MOST_MS = 8_000;

export interface SocketEvents {
  /** The connection is new: say again what is wanted, and fetch what was missed. */
  onOpen: () => void;
  onMessage: (message: unknown) => void;
  /** A harmless request that must be answered, so that silence means a dead peer. */
  probe: () => unknown;
}

export class LastingSocket {
  private readonly state = signal<Connection>("connecting");
  private socket: WebSocket | null = null;
  private outbox: unknown[] = [];
  private failures = 0;
  private heardAt = Number.NEGATIVE_INFINITY;
  /** When the peer was asked for a sign of life: by a probe, or by connecting. */
  private probedAt = 0;
  private sentAt = Number.NEGATIVE_INFINITY;
  private retry = 0;
  private readonly timers: number[] = [];

  constructor(
    private readonly path: string,
    private readonly events: SocketEvents,
  ) {
    this.timers.push(window.setInterval(() => this.flush(), SEND_SPACING_MS / 2));
    this.timers.push(window.setInterval(() => this.checkPeer(), PROBE_EVERY_MS));
    window.addEventListener("online", this.reconnectNow);
    window.addEventListener("offline", this.loseNow);
    this.connect();
  }

  get connection(): ReadonlySignal<Connection> {
    return this.state;
  }

  /** Queue a message. What is queued when the connection breaks is dropped: onOpen says it anew. */
  send(message: unknown): void {
    this.outbox.push(message);
    this.flush();
  }

  /** Close for good. */
  close(): void {
    for (const timer of this.timers) window.clearInterval(timer);
    window.clearTimeout(this.retry);
    window.removeEventListener("online", this.reconnectNow);
    window.removeEventListener("offline", this.loseNow);
    this.drop();
  }

  /** Break the connection and open another one after a while: the peer answers, but not what is needed. */
  restart(): void {
    this.failures = Math.max(this.failures, FAILURES_WHEN_REFUSED);
    this.lose();
  }

  private readonly reconnectNow = (): void => {
    if (this.state.value !== "lost") return;
    window.clearTimeout(this.retry);
    this.connect();
  };

  /** Without a network a socket says nothing, and does not say that it is dead. */
  private readonly loseNow = (): void => {
    if (this.socket !== null) this.lose();
  };

  private connect(): void {
    this.drop(); // One that is still being made would live on beside this one.
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}`);
    this.socket = socket;
    this.outbox = [];
    this.heardAt = Number.NEGATIVE_INFINITY;
    this.probedAt = performance.now();
    socket.onopen = () => {
      this.heardAt = performance.now();
      this.state.value = "open";
      this.events.onOpen();
      this.flush();
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.failures = 0;
      this.heardAt = performance.now();
      this.events.onMessage(JSON.parse(event.data));
    };
    socket.onclose = () => this.lose();
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lose(): void {
    this.drop();
    this.state.value = "lost";
    const pause = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    window.clearTimeout(this.retry);
    // Jitter keeps all open pages from coming back in the same instant after a failover.
    this.retry = window.setTimeout(() => this.connect(), pause * (0.5 + Math.random() / 2));
  }

  private flush(): void {
    if (this.socket?.readyState !== WebSocket.OPEN || performance.now() - this.sentAt < SEND_SPACING_MS) return;
    const message = this.outbox.shift();
    if (message === undefined) return;
    this.sentAt = performance.now();
    this.socket.send(JSON.stringify(message));
  }

  /** A hidden tab is let run once a minute only: what counts is an answer that is late, not how long nothing was heard. */
  private checkPeer(): void {
    if (this.socket === null) return;
    const now = performance.now();
    if (this.probedAt > this.heardAt) {
      if (now - this.probedAt > ANSWER_MOST_MS) this.lose();
    } else if (this.socket.readyState === WebSocket.OPEN) {
      this.probedAt = now;
      this.send(this.events.probe());
    }
  }
}
