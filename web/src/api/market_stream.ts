/** The public market streams, all over one combined socket. */
import { type ReadonlySignal } from "@preact/signals";
import { type Connection, LastingSocket } from "./socket";

export type StreamHandler = (data: unknown) => void;

export class MarketStream {
  private readonly handlers = new Map<string, StreamHandler>();
  private readonly reopened = new Set<() => void>();
  private readonly socket: LastingSocket;
  private nextId = 1;
  private wasOpen = false;
  private added = new Set<string>();
  private removed = new Set<string>();
  private isScheduled = false;

  constructor() {
    this.socket = new LastingSocket("/stream", {
      onOpen: () => this.resubscribe(),
      onMessage: (message) => this.dispatch(message as { stream?: string; data?: unknown }),
      probe: () => ({ method: "LIST_SUBSCRIPTIONS", id: this.nextId++ }),
    });
  }

  get connection(): ReadonlySignal<Connection> {
    return this.socket.connection;
  }

  /** Hand every message of the stream to the handler until the returned function is called. */
  subscribe(stream: string, handler: StreamHandler): () => void {
    this.handlers.set(stream, handler);
    this.removed.delete(stream);
    this.added.add(stream);
    this.schedule();
    return () => {
      if (this.handlers.get(stream) !== handler) return;
      this.handlers.delete(stream);
      this.added.delete(stream);
      this.removed.add(stream);
      this.schedule();
    };
  }

  /** Call the listener whenever the connection was lost and is back, so that it fetches what it missed. */
  onReopen(listener: () => void): () => void {
    this.reopened.add(listener);
    return () => this.reopened.delete(listener);
  }

  private resubscribe(): void {
    this.added = new Set(this.handlers.keys());
    this.removed.clear();
    this.schedule();
    if (this.wasOpen) for (const listener of this.reopened) listener();
    this.wasOpen = true;
  }

  /** Join all changes of one moment into one message each way: changing the instrument must not meet the message limit. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      if (this.socket.connection.value !== "open") return;
      if (this.removed.size > 0) this.request("UNSUBSCRIBE", this.removed);
      if (this.added.size > 0) this.request("SUBSCRIBE", this.added);
      this.added.clear();
      this.removed.clear();
    });
  }

  private request(method: string, streams: Set<string>): void {
    this.socket.send({ method, params: [...streams], id: this.nextId++ });
  }

  private dispatch(message: { stream?: string; data?: unknown }): void {
    if (message.stream !== undefined) this.handlers.get(message.stream)?.(message.data);
  }
}
