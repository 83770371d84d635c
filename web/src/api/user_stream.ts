/** The private events of the signed-in account, over the WebSocket API. */
import { type ReadonlySignal } from "@preact/signals";
import type { ExchangeClock } from "./clock";
import type { Credentials } from "./credentials";
import { sign, socketPayload } from "./signing";
import { type Connection, LastingSocket } from "./socket";
import type { WireUserEvent } from "./wire";

const STATUS_KEY_REFUSED = 401;
const CODES_KEY_REFUSED = new Set([-2014, -2015]);

export interface UserStreamEvents {
  /** Events flow from now on: fetch the state that they change. */
  onSubscribed: () => void;
  onEvent: (event: WireUserEvent) => void;
  onKeyRefused: () => void;
}

interface Reply {
  id?: string;
  status?: number;
  error?: { code: number };
  event?: WireUserEvent;
}

export class UserStream {
  private readonly socket: LastingSocket;
  private subscribeId = "";
  private nextId = 1;

  constructor(
    private readonly clock: ExchangeClock,
    private readonly credentials: Credentials,
    private readonly events: UserStreamEvents,
  ) {
    this.socket = new LastingSocket("/ws-api/v3", {
      onOpen: () => void this.subscribe(),
      onMessage: (message) => this.dispatch(message as Reply),
      probe: () => ({ id: `probe-${this.nextId++}`, method: "ping" }),
    });
  }

  get connection(): ReadonlySignal<Connection> {
    return this.socket.connection;
  }

  close(): void {
    this.socket.close();
  }

  private async subscribe(): Promise<void> {
    const params = { apiKey: this.credentials.apiKey, timestamp: await this.clock.now() };
    const signature = await sign(this.credentials.key, socketPayload(params));
    this.subscribeId = `subscribe-${this.nextId++}`;
    this.socket.send({
      id: this.subscribeId,
      method: "userDataStream.subscribe.signature",
      params: { ...params, signature },
    });
  }

  private dispatch(reply: Reply): void {
    if (reply.event !== undefined) {
      if (reply.event.e === "eventStreamTerminated") this.socket.restart();
      else this.events.onEvent(reply.event);
    } else if (reply.status === STATUS_KEY_REFUSED || CODES_KEY_REFUSED.has(reply.error?.code ?? 0)) {
      this.events.onKeyRefused();
    } else if (reply.id === this.subscribeId) {
      if (reply.status === 200) {
        this.events.onSubscribed();
      } else {
        this.clock.resync(); // The usual reason for another refusal is the timestamp.
        this.socket.restart();
      }
    }
  }
}
