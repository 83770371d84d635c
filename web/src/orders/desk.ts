/** Places and cancels orders, and finds out the truth when an answer is lost. */
import { ApiError, messageOf, type RestClient } from "../api/rest";
import type { WireListPlacement, WireOrder, WireOrderList, WirePlacement } from "../api/wire";
import type { Portfolio } from "../account/portfolio";
import type { Market } from "../market/market";
import type { Toasts } from "../ui/toasts";
import { isOpen, type Order, type OrderList, readList, readOrder, readPlacement } from "./order";
import { refusalOf } from "./refusals";
import type { Placement } from "./rules";
import { listLine, listWords, orderLine, statusWords } from "./words";

const CODE_NO_SUCH_ORDER = -2013;
const CODE_NO_SUCH_LIST = -2018;
const ASK_AGAIN_MS = [1_000, 2_000, 4_000, 8_000];
/** Longer than all of the asking takes: its outcome replaces the notice. */
const DOUBT_SHOWN_MS = 90_000;

export class OrderDesk {
  constructor(
    private readonly rest: RestClient,
    private readonly market: Market,
    private readonly portfolio: Portfolio,
    private readonly toasts: Toasts,
  ) {}

  /** Make a client order id: with it one query tells whether an order in doubt exists. */
  newClientOrderId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  /** Place an order, or a list. True when the exchange took it. */
  async place(placement: Placement): Promise<boolean> {
    const { path, params } = placement;
    try {
      const answer = await this.rest.signed<WirePlacement | WireListPlacement>("POST", path, params);
      if ("orderReports" in answer) this.announceList(readList(answer), answer.orderReports.map(readPlacement));
      else this.announce(readPlacement(answer));
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.isInDoubt) return this.settleDoubt(placement, error);
      const instrument = this.market.instruments.value.find((each) => each.symbol === params["symbol"]);
      const average = this.market.symbol.value === params["symbol"] ? this.market.average.value : null;
      const { advice, code } = refusalOf(error, instrument, params, average);
      this.toasts.show("bad", "Order refused", advice, "refused", code);
      return false;
    }
  }

  /** Cancel an order, and with it all of its list. */
  async cancel(order: Order): Promise<void> {
    const ending = this.portfolio.endingWith(order);
    try {
      await this.rest.signed("DELETE", "/api/v3/order", { symbol: order.symbol, orderId: order.id });
      const what = ending.length > 1 ? `${listWords(this.portfolio.lists.value.get(order.listId))} canceled` : "Order canceled";
      this.toasts.show("plain", what, ending.length > 1 ? this.lineOfAll(ending) : this.line(order), `cancel-${order.symbol}-${order.id}`);
    } catch (error) {
      this.toasts.show("bad", "Not canceled", messageOf(error));
    }
    await this.portfolio.refresh();
  }

  /** Cancel every open order, instrument by instrument. */
  async cancelAll(): Promise<void> {
    const symbols = [...new Set(this.portfolio.openOrders.value.map((order) => order.symbol))];
    for (const symbol of symbols) {
      try {
        const canceled = await this.rest.signed<unknown[]>("DELETE", "/api/v3/openOrders", { symbol });
        this.toasts.show("plain", `${canceled.length} canceled`, `All open orders on ${symbol}`, `cancel-all-${symbol}`);
      } catch (error) {
        this.toasts.show("bad", `Orders on ${symbol} not canceled`, messageOf(error));
      }
    }
    await this.portfolio.refresh();
  }

  private async settleDoubt(placement: Placement, cause: ApiError): Promise<boolean> {
    const { newClientOrderId, listClientOrderId } = placement.params;
    const key = `doubt-${String(newClientOrderId ?? listClientOrderId)}`;
    this.toasts.show("plain", "No answer yet", "Asking the exchange whether the order was placed…", key, "", DOUBT_SHOWN_MS);
    for (const pause of ASK_AGAIN_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      try {
        await this.find(placement, key);
        return true;
      } catch (error) {
        // "No such order" is final only after the exchange stopped trying: keep asking until the last pause.
        const isMissing = error instanceof ApiError && (error.code === CODE_NO_SUCH_ORDER || error.code === CODE_NO_SUCH_LIST);
        if (!isMissing || pause !== ASK_AGAIN_MS.at(-1)) continue;
        this.toasts.show("bad", "The order was not placed", cause.message, key);
        return false;
      }
    }
    this.toasts.show("bad", "It is unknown whether the order was placed", "Look at your open orders before you try again.", key);
    return false;
  }

  /** Ask for what was sent by its client id, and say that it is there. */
  private async find({ path, params }: Placement, key: string): Promise<void> {
    if (path === "/api/v3/order") {
      const query = { symbol: params["symbol"], origClientOrderId: params["newClientOrderId"] };
      const found = readOrder(await this.rest.signed<WireOrder>("GET", path, query));
      this.toasts.show("plain", "The order was placed", this.line(found), key);
      this.announce(found);
      return;
    }
    const query = { origClientOrderId: params["listClientOrderId"] };
    const list = readList(await this.rest.signed<WireOrderList>("GET", "/api/v3/orderList", query));
    this.portfolio.takeList(list, []);
    this.toasts.show("plain", "The orders were placed", `${listWords(list)} on ${list.symbol}`, key);
    await this.portfolio.refresh();
  }

  private announceList(list: OrderList, orders: Order[]): void {
    this.portfolio.takeList(list, orders);
    this.portfolio.catchUp();
    this.toasts.show("plain", `${listWords(list)} placed`, this.lineOfAll(orders), `list-${list.symbol} ${list.id}`);
  }

  private announce(order: Order): void {
    this.portfolio.takeOrder(order);
    this.portfolio.catchUp();
    const key = `order-${order.symbol} ${order.id}`;
    if (order.executed > 0n) this.portfolio.announceFill(order);
    else if (isOpen(order)) this.toasts.show("plain", "Order placed", this.line(order), key);
    else this.toasts.show("plain", `${statusWords(order)} without a fill`, this.line(order), key);
  }

  private lineOfAll(orders: Order[]): string {
    const instrument = this.market.instruments.value.find((each) => each.symbol === orders[0]?.symbol);
    return listLine(orders, instrument?.base ?? "", instrument?.quote ?? "");
  }

  private line(order: Order): string {
    const instrument = this.market.instruments.value.find((each) => each.symbol === order.symbol);
    return orderLine(order, instrument?.base ?? "", instrument?.quote ?? "");
  }
}
