/** A WebSocket that comes back: reconnects with backoff, notices a dead peer, and keeps below the message limit. */
import { type ReadonlySignal, signal } from "@preact/signals";

export type Connection = "connecting" | "open" | "lost";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 15_000;
const FAILURES_WHEN_REFUSED = 3;
const SEND_SPACING_MS = 250; // The exchange closes a socket that sends more than five messages a second.
const PROBE_EVERY_MS = 25_000;
const SILENT_MOST_MS = 40_000;

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
  private heardAt = 0;
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

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}`);
    this.socket = socket;
    this.outbox = [];
    this.heardAt = performance.now();
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

  private checkPeer(): void {
    const isStuck = performance.now() - this.heardAt > SILENT_MOST_MS;
    if (this.socket !== null && isStuck) this.lose();
    else if (this.socket?.readyState === WebSocket.OPEN) this.send(this.events.probe());
  }
}
