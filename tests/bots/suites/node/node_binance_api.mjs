// node-binance-api, as published: redirected by its option urls and, for the WebSocket API, by its attribute wsApi.

import assert from "node:assert/strict";
import Binance from "node-binance-api";
import { HTTP, Inbox, KEY, SECRET, SYMBOL, line, near, refused, run, until } from "./venue.mjs";

const sockets = await line();
const binance = new Binance({
  APIKEY: KEY, APISECRET: SECRET, log() {},
  urls: {
    base: `${HTTP}/api/`, sapi: `${HTTP}/sapi/`,
    stream: `${sockets.url}/ws/`, combineStream: `${sockets.url}/stream?streams=`,
  },
});
binance.wsApi = `${sockets.url}/ws-api/v3`;
const last = async () => (await binance.prices(SYMBOL))[SYMBOL];
const events = new Inbox();

await run({
  async "what the exchange is"() {
    await binance.ping();
    await binance.useServerTime();
    assert.ok((await binance.exchangeInfo()).symbols.some((row) => row.symbol === SYMBOL));
    assert.equal((await binance.systemStatus()).status, 0);
  },
  async "market data over REST"() {
    const book = await binance.depth(SYMBOL, 5);
    assert.ok(Number(book.bids[0].price) < Number(book.asks[0].price));
    assert.ok(SYMBOL in (await binance.prices()));
    assert.ok(SYMBOL in (await binance.bookTickers()));
    assert.equal((await binance.prevDay(SYMBOL)).symbol, SYMBOL);
    assert.ok((await binance.prevDay()).length > 1);
    assert.ok((await binance.candlesticks(SYMBOL, "1m", { limit: 5 })).at(-1).high > 0);
    assert.ok((await binance.aggTrades(SYMBOL)).length > 0);
    assert.ok((await binance.recentTrades(SYMBOL)).length > 0);
    assert.ok((await binance.historicalTrades(SYMBOL)).length > 0);
    assert.ok((await binance.avgPrice(SYMBOL)).price > 0);
    assert.equal((await binance.tickerPrice(SYMBOL)).symbol, SYMBOL);
    assert.equal((await binance.tickerPrice(undefined, [SYMBOL, "ETHUSDT"])).length, 2);
  },
  async "orders over REST"() {
    const price = await last();
    await binance.buy(SYMBOL, 0.001, near(price, -50), { test: true });
    const order = await binance.buy(SYMBOL, 0.001, near(price, -50));
    assert.equal(order.status, "NEW");
    assert.equal((await binance.orderStatus(SYMBOL, order.orderId)).status, "NEW");
    assert.deepEqual((await binance.openOrders(SYMBOL)).map((row) => row.orderId), [order.orderId]);
    assert.equal((await binance.cancel(SYMBOL, order.orderId)).status, "CANCELED");
    assert.equal((await binance.marketBuyWithCost(SYMBOL, 100)).status, "FILLED");
    const sold = await binance.marketSell(SYMBOL, 0.001);
    assert.equal(sold.status, "FILLED");
    assert.ok((await binance.allOrders(SYMBOL)).some((row) => row.orderId === sold.orderId));
    assert.equal((await binance.trades(SYMBOL)).at(-1).orderId, sold.orderId);
    await binance.order("STOP_LOSS_LIMIT", "SELL", SYMBOL, 0.001, near(price, -60), { stopPrice: near(price, -50) });
    const oco = await binance.ocoOrder("SELL", SYMBOL, 0.001, {
      aboveType: "LIMIT_MAKER", abovePrice: near(price, 50), belowType: "STOP_LOSS", belowStopPrice: near(price, -50),
    });
    assert.equal(oco.contingencyType, "OCO");
    assert.equal((await binance.cancelAll(SYMBOL)).length, 2);
    assert.ok(Number((await binance.balance()).BTC.available) > 0);
    assert.equal((await binance.account()).accountType, "SPOT");
    assert.equal((await binance.tradeFee(SYMBOL))[0].symbol, SYMBOL);
  },
  async "refusals have Binance's codes"() {
    await refused(binance.buy(SYMBOL, 100, near(await last(), -50)), -2010, "insufficient balance");
    await refused(binance.cancel(SYMBOL, 999999999), -2011, "Unknown order sent.");
    await refused(binance.depth("NOSUCH"), -1121, "Invalid symbol.");
  },
  async "market streams"() {
    const kinds = {
      depthUpdate: binance.websockets.depth, aggTrade: binance.websockets.aggTrades, trade: binance.websockets.trades,
    };
    for (const [kind, subscribe] of Object.entries(kinds)) {
      const alone = new Inbox();
      const combined = new Inbox();
      subscribe(SYMBOL, alone.put);
      subscribe([SYMBOL, "ETHUSDT"], combined.put);
      await alone.first((message) => message.e === kind, kind);
      await combined.first((message) => message.s === SYMBOL, `${kind} of several`);
    }
    const candles = new Inbox();
    binance.websockets.candlesticks(SYMBOL, "1m", candles.put);
    assert.equal((await candles.first()).k.i, "1m");
    const tickers = new Inbox();
    binance.websockets.miniTicker(tickers.put);
    binance.websockets.prevDay(SYMBOL, (error, row) => tickers.put(row));
    binance.websockets.bookTickers(SYMBOL, tickers.put);
    await tickers.first((row) => row[SYMBOL]?.close > 0, "tickers of all");
    await tickers.first((row) => row.symbol === SYMBOL && row.percentChange !== undefined, "a day's ticker");
    await tickers.first((row) => row.bestBid !== undefined, "quotes");
  },
  async "its order book and its chart follow"() {
    const books = new Inbox();
    binance.websockets.depthCache([SYMBOL], (symbol, depth) => books.put(depth), 100);
    await until(() => books.all().length > 5, "a book that moves");
    const book = books.all().at(-1);
    assert.ok(Number(binance.first(binance.sortBids(book.bids))) < Number(binance.first(binance.sortAsks(book.asks))));
    const charts = new Inbox();
    binance.websockets.chart(SYMBOL, "1m", (symbol, interval, chart) => charts.put(chart));
    await until(() => charts.all().length > 1, "a chart that moves");
    assert.ok(Object.keys(charts.all().at(-1)).length > 0);
  },
  async "user data"() {
    const subscribed = new Inbox();
    binance.websockets.userData(events.put, () => {}, () => {}, subscribed.put, () => {});
    await subscribed.first(() => true, "a subscription");
    const order = await binance.buy(SYMBOL, 0.001, near(await last(), -50));
    await binance.cancel(SYMBOL, order.orderId);
    const told = await events.first((event) => event.e === "executionReport" && event.x === "CANCELED", "a cancel");
    assert.equal(told.i, order.orderId);
    await events.first((event) => event.e === "outboundAccountPosition", "balances");
  },
  async "a cut line is mended and everything asked for again"() {
    const trades = new Inbox();
    binance.websockets.trades([SYMBOL, "ETHUSDT"], trades.put);
    await trades.first();
    const before = new Set(Object.values(binance.websockets.subscriptions()));
    sockets.cut();
    await until(() => ![...before].some((socket) => socket.readyState === 1), "the cut");
    trades.clear();
    events.clear();
    await trades.first(() => true, "trades again");
    await until(async () => {
      const order = await binance.buy(SYMBOL, 0.001, near(await last(), -50));
      await binance.cancel(SYMBOL, order.orderId);
      return events.has((event) => event.e === "executionReport" && event.x === "CANCELED");
    }, "own orders again");
    await binance.spotCloseDataStream();
  },
});
