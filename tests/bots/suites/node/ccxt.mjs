// ccxt for JavaScript, as published: REST and ccxt.pro's sockets, redirected by its constructor's configuration alone.

import assert from "node:assert/strict";
import ccxt from "ccxt";
import { HTTP, KEY, SECRET, line, run, within } from "./venue.mjs";

const SYMBOL = "BTC/USDT";
const sockets = await line();
const urls = {
  public: `${HTTP}/api/v3`, private: `${HTTP}/api/v3`, v1: `${HTTP}/api/v1`,
  sapi: `${HTTP}/sapi/v1`, sapiV2: `${HTTP}/sapi/v2`, sapiV3: `${HTTP}/sapi/v3`, sapiV4: `${HTTP}/sapi/v4`,
  ws: { spot: `${sockets.url}/ws`, "ws-api": { spot: `${sockets.url}/ws-api/v3` } },
};
const options = { fetchMarkets: { types: ["spot"] } };
const rest = new ccxt.binance({ apiKey: KEY, secret: SECRET, urls: { api: urls }, options, enableRateLimit: false });
const pro = new ccxt.pro.binance({ apiKey: KEY, secret: SECRET, urls: { api: urls }, options, enableRateLimit: false });
const away = async (perMille) => (await rest.fetchTicker(SYMBOL)).last * (1 + perMille / 1000);

await run({
  async "markets, currencies, fees and the clock"() {
    await rest.loadMarkets();
    const market = rest.market(SYMBOL);
    assert.deepEqual([market.spot, market.active, market.precision.price], [true, true, 0.01]);
    assert.ok("ETH/USDT" in rest.markets);
    assert.ok("BTC" in (await rest.fetchCurrencies()));
    assert.equal((await rest.fetchStatus()).status, "ok");
    assert.ok(Math.abs((await rest.fetchTime()) - Date.now()) < 5_000);
    assert.equal((await rest.fetchTradingFee(SYMBOL)).taker, 0.001);
    assert.ok(SYMBOL in (await rest.fetchTradingFees()));
  },
  async "books, trades, candles and tickers"() {
    const book = await rest.fetchOrderBook(SYMBOL, 5);
    assert.ok(book.bids[0][0] < book.asks[0][0]);
    assert.ok((await rest.fetchTrades(SYMBOL)).length > 0);
    const candles = await rest.fetchOHLCV(SYMBOL, "1m", undefined, 5);
    assert.ok(candles.at(-1)[2] >= candles.at(-1)[3]);
    assert.ok(SYMBOL in (await rest.fetchTickers()));
    assert.ok(SYMBOL in (await rest.fetchTickers([SYMBOL, "ETH/USDT"])));
    assert.ok(SYMBOL in (await rest.fetchBidsAsks()));
    assert.ok(SYMBOL in (await rest.fetchLastPrices()));
  },
  async "orders over REST"() {
    const order = await rest.createOrder(SYMBOL, "limit", "buy", 0.001, await away(-50));
    assert.equal(order.status, "open");
    assert.equal((await rest.fetchOrder(order.id, SYMBOL)).amount, 0.001);
    assert.deepEqual((await rest.fetchOpenOrders(SYMBOL)).map((o) => o.id), [order.id]);
    const again = await rest.editOrder(order.id, SYMBOL, "limit", "buy", 0.002, await away(-60));
    assert.equal(again.amount, 0.002);
    assert.equal((await rest.cancelOrder(again.id, SYMBOL)).status, "canceled");
    const before = await rest.fetchBalance();
    const bought = await rest.createMarketBuyOrderWithCost(SYMBOL, 100);
    assert.equal(bought.status, "closed");
    const sold = await rest.createOrder(SYMBOL, "market", "sell", 0.001);
    assert.equal(sold.filled, 0.001);
    assert.ok((await rest.fetchBalance()).USDT.total !== before.USDT.total);
    const mine = await rest.fetchMyTrades(SYMBOL);
    assert.deepEqual([mine.at(-1).order, mine.at(-1).takerOrMaker], [sold.id, "taker"]);
    assert.ok((await rest.fetchOrderTrades(sold.id, SYMBOL)).length > 0);
  },
  async "stops, post-only orders and everything at once"() {
    const stop = await rest.createOrder(SYMBOL, "limit", "sell", 0.001, await away(-80), { stopLossPrice: await away(-70) });
    assert.equal((await rest.fetchOrder(stop.id, SYMBOL)).status, "open");
    await assert.rejects(rest.createOrder(SYMBOL, "limit", "buy", 0.001, await away(20), { postOnly: true }), ccxt.OrderImmediatelyFillable);
    await rest.createOrder(SYMBOL, "limit", "buy", 0.001, await away(-50), { postOnly: true });
    assert.equal((await rest.cancelAllOrders(SYMBOL)).length, 2);
    assert.equal((await rest.fetchCanceledOrders(SYMBOL)).at(-1).status, "canceled");
    assert.ok((await rest.fetchClosedOrders(SYMBOL)).length > 0);
    await rest.createOrder(SYMBOL, "limit", "buy", 0.001, await away(-50), { test: true });
    assert.deepEqual(await rest.fetchOpenOrders(SYMBOL), []);
  },
  async "refusals are the exceptions that Binance's are"() {
    await assert.rejects(rest.createOrder(SYMBOL, "limit", "buy", 100, await away(-50)), ccxt.InsufficientFunds);
    await assert.rejects(rest.cancelOrder("999999999", SYMBOL), ccxt.OrderNotFound);
    await assert.rejects(rest.publicGetDepth({ symbol: "NOSUCH" }), ccxt.BadSymbol);
    const stranger = new ccxt.binance({ apiKey: "x".repeat(64), secret: SECRET, urls: { api: urls }, options });
    await assert.rejects(stranger.fetchBalance(), ccxt.AuthenticationError);
  },
  async "market data over sockets"() {
    // Its own hook for ws:// addresses; for wss:// it needs none.
    await pro.loadHttpProxyAgent();
    await pro.loadMarkets();
    const book = await within(pro.watchOrderBook(SYMBOL), "a book");
    assert.ok(book.bids[0][0] < book.asks[0][0]);
    assert.ok((await within(pro.watchTrades(SYMBOL), "trades")).length > 0);
    assert.ok((await within(pro.watchTicker(SYMBOL), "a ticker")).last > 0);
    assert.ok((await within(pro.watchOHLCV(SYMBOL, "1m"), "candles")).length > 0);
    assert.ok(SYMBOL in (await within(pro.watchBidsAsks([SYMBOL]), "quotes")));
    assert.ok((await within(pro.watchTradesForSymbols([SYMBOL, "ETH/USDT"]), "trades of two")).length > 0);
    await within(pro.unWatchTrades(SYMBOL), "no more trades");
  },
  async "orders and account over the WebSocket API"() {
    const orders = pro.watchOrders(SYMBOL);
    const balance = pro.watchBalance();
    const fills = pro.watchMyTrades(SYMBOL);
    const order = await within(pro.createOrderWs(SYMBOL, "limit", "buy", 0.001, await away(-50)), "an order");
    assert.equal((await within(orders, "an order's report")).at(-1).symbol, SYMBOL);
    assert.equal((await within(pro.fetchOrderWs(order.id, SYMBOL), "an order")).status, "open");
    const edited = await within(pro.editOrderWs(order.id, SYMBOL, "limit", "buy", 0.002, await away(-60)), "an edit");
    assert.equal(edited.amount, 0.002);
    assert.deepEqual((await within(pro.fetchOpenOrdersWs(SYMBOL), "orders")).map((o) => o.id), [edited.id]);
    await within(pro.cancelOrderWs(edited.id, SYMBOL), "a cancel");
    await within(pro.createOrderWs(SYMBOL, "market", "buy", 0.001), "a purchase");
    assert.equal((await within(fills, "own trades")).at(-1).symbol, SYMBOL);
    assert.ok((await within(balance, "a balance")).BTC.total > 0);
    assert.ok((await within(pro.fetchMyTradesWs(SYMBOL), "own trades")).length > 0);
    await assert.rejects(pro.cancelOrderWs("999999999", SYMBOL), ccxt.OrderNotFound);
  },
  async "a cut line is mended by watching again"() {
    const watching = pro.watchOrderBook(SYMBOL);
    sockets.cut();
    await assert.rejects(async () => { await watching; for (;;) await pro.watchOrderBook(SYMBOL); }, ccxt.NetworkError);
    const book = await within(pro.watchOrderBook(SYMBOL), "a book again");
    assert.ok(book.bids[0][0] < book.asks[0][0]);
    const orders = pro.watchOrders(SYMBOL);
    const order = await within(pro.createOrderWs(SYMBOL, "limit", "buy", 0.001, await away(-50)), "an order");
    assert.equal((await within(orders, "its report")).at(-1).id, order.id);
    await rest.cancelOrder(order.id, SYMBOL);
    await pro.close();
  },
});
