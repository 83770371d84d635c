// @binance/spot, Binance's own, as published: REST, WebSocket API and streams, redirected by its configuration.

import assert from "node:assert/strict";
import { Spot } from "@binance/spot";
import { HTTP, Inbox, KEY, SECRET, SYMBOL, line, near, refused, run, until, within } from "./venue.mjs";

const sockets = await line();
const keys = { apiKey: KEY, apiSecret: SECRET };
const client = new Spot({
  configurationRestAPI: { ...keys, basePath: HTTP, timeout: 5_000 },
  configurationWebsocketAPI: { ...keys, wsURL: `${sockets.url}/ws-api/v3`, reconnectDelay: 200 },
  configurationWebsocketStreams: { wsURL: sockets.url, reconnectDelay: 200 },
});
const rest = client.restAPI;
const data = async (answer) => (await answer).data();
const last = async () => (await data(rest.tickerPrice({ symbol: SYMBOL }))).price;
const limit = async (side, perMille, quantity = 0.001) => ({
  symbol: SYMBOL, side, type: "LIMIT", timeInForce: "GTC", quantity, price: Number(near(await last(), perMille)),
});
const events = new Inbox();
const trades = new Inbox();
let api;
let streams;

await run({
  async "what the exchange is"() {
    await rest.ping();
    assert.ok((await data(rest.time())).serverTime > 0);
    const info = await data(rest.exchangeInfo({ symbols: [SYMBOL, "ETHUSDT"] }));
    assert.equal(info.symbols.length, 2);
    assert.ok((await data(rest.executionRules({ symbol: SYMBOL }))).symbolRules);
    assert.ok((await rest.time()).rateLimits.some((row) => row.rateLimitType === "REQUEST_WEIGHT"));
  },
  async "market data over REST"() {
    assert.ok((await data(rest.depth({ symbol: SYMBOL, limit: 5 }))).bids.length > 0);
    for (const rows of ["getTrades", "historicalTrades", "aggTrades"]) {
      assert.ok((await data(rest[rows]({ symbol: SYMBOL }))).length > 0, rows);
    }
    assert.deepEqual(await data(rest.historicalBlockTrades({ symbol: SYMBOL, fromId: 0 })), []);
    for (const rows of ["klines", "uiKlines"]) {
      assert.equal((await data(rest[rows]({ symbol: SYMBOL, interval: "1m" }))).at(-1).length, 12, rows);
    }
    assert.equal((await data(rest.avgPrice({ symbol: SYMBOL }))).mins, 5);
    for (const ticker of ["ticker", "ticker24hr", "tickerBookTicker", "tickerPrice", "tickerTradingDay"]) {
      assert.equal((await data(rest[ticker]({ symbol: SYMBOL }))).symbol, SYMBOL, ticker);
      assert.equal((await data(rest[ticker]({ symbols: [SYMBOL, "ETHUSDT"] }))).length, 2, ticker);
    }
    await refused(rest.depth({ symbol: "NOSUCH" }), -1121, "Invalid symbol.");
  },
  async "orders over REST"() {
    await rest.orderTest({ ...(await limit("BUY", -50)), computeCommissionRates: true });
    const order = await data(rest.newOrder(await limit("BUY", -50)));
    assert.equal(order.status, "NEW");
    assert.equal((await data(rest.getOrder({ symbol: SYMBOL, orderId: order.orderId }))).status, "NEW");
    const { amendedOrder } = await data(rest.orderAmendKeepPriority({ symbol: SYMBOL, orderId: order.orderId, newQty: 0.0005 }));
    assert.equal(amendedOrder.qty, "0.00050000");
    assert.equal((await data(rest.orderAmendments({ symbol: SYMBOL, orderId: order.orderId }))).length, 1);
    const replaced = await data(rest.orderCancelReplace({
      ...(await limit("BUY", -60)), cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: order.orderId,
    }));
    const { orderId } = replaced.newOrderResponse;
    assert.deepEqual((await data(rest.getOpenOrders({ symbol: SYMBOL }))).map((row) => row.orderId), [orderId]);
    assert.equal((await data(rest.deleteOrder({ symbol: SYMBOL, orderId }))).status, "CANCELED");
    const bought = await data(rest.newOrder({ symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: 0.00001 * 100 }));
    assert.equal(bought.status, "FILLED");
    assert.ok((await data(rest.allOrders({ symbol: SYMBOL }))).some((row) => row.orderId === bought.orderId));
    assert.equal((await data(rest.myTrades({ symbol: SYMBOL }))).at(-1).orderId, bought.orderId);
    await refused(rest.newOrder(await limit("BUY", -50, 100)), -2010, "insufficient balance");
    await refused(rest.deleteOrder({ symbol: SYMBOL, orderId: 999999999 }), -2011, "Unknown order sent.");
  },
  async "order lists over REST"() {
    const price = await last();
    const above = { pendingAboveType: "LIMIT_MAKER", pendingAbovePrice: Number(near(price, 50)) };
    const below = { pendingBelowType: "STOP_LOSS", pendingBelowStopPrice: Number(near(price, -70)) };
    const working = {
      symbol: SYMBOL, workingType: "LIMIT", workingSide: "BUY", workingPrice: Number(near(price, -50)), workingQuantity: 0.001,
      workingTimeInForce: "GTC", pendingSide: "SELL",
    };
    const oco = await data(rest.orderListOco({
      symbol: SYMBOL, side: "SELL", quantity: 0.001, aboveType: "LIMIT_MAKER", abovePrice: Number(near(price, 50)),
      belowType: "STOP_LOSS", belowStopPrice: Number(near(price, -50)),
    }));
    const otoco = await data(rest.orderListOtoco({ ...working, pendingQuantity: 0.001, ...above, ...below }));
    assert.equal(otoco.orders.length, 3);
    const opo = await data(rest.orderListOpo({ ...working, pendingType: "LIMIT_MAKER", pendingPrice: Number(near(price, 50)) }));
    assert.equal(opo.orders.length, 2);
    assert.equal((await data(rest.openOrderList())).length, 3);
    assert.equal((await data(rest.getOrderList({ orderListId: oco.orderListId }))).listOrderStatus, "EXECUTING");
    assert.equal((await data(rest.deleteOrderList({ symbol: SYMBOL, orderListId: oco.orderListId }))).listOrderStatus, "ALL_DONE");
    await rest.deleteOpenOrders({ symbol: SYMBOL });
    assert.ok((await data(rest.allOrderList())).length >= 3);
    assert.deepEqual(await data(rest.openOrderList()), []);
  },
  async "the account"() {
    assert.equal((await data(rest.getAccount({ omitZeroBalances: true }))).accountType, "SPOT");
    assert.equal((await data(rest.accountCommission({ symbol: SYMBOL }))).symbol, SYMBOL);
    assert.ok((await data(rest.rateLimitOrder())).length > 0);
    assert.ok((await data(rest.myFilters({ symbol: SYMBOL }))).symbolFilters.length > 0);
    assert.deepEqual(await data(rest.myAllocations({ symbol: SYMBOL })), []);
    assert.deepEqual(await data(rest.myPreventedMatches({ symbol: SYMBOL, orderId: 1 })), []);
  },
  async "market streams"() {
    streams = await within(client.websocketStreams.connect(), "the streams");
    const symbol = SYMBOL.toLowerCase();
    const wanted = {
      aggTrade: {}, trade: {}, kline: { interval: "1m" }, klineOffset: { interval: "1m" }, miniTicker: {}, ticker: {}, bookTicker: {},
      avgPrice: {}, diffBookDepth: { updateSpeed: "100ms" }, partialBookDepth: { levels: 5, updateSpeed: "100ms" },
      rollingWindowTicker: { windowSize: "1h" },
    };
    const boxes = Object.entries(wanted).map(([name, params]) => {
      const box = name === "trade" ? trades : new Inbox();
      streams[name]({ symbol, ...params }).on("message", box.put);
      return [name, box];
    });
    for (const [name, box] of boxes) await box.first(() => true, name);
    const all = new Inbox();
    streams.allMiniTicker().on("message", all.put);
    streams.allMarketRollingWindowTicker({ windowSize: "1h" }).on("message", all.put);
    await all.first((rows) => rows[0]?.e === "24hrMiniTicker", "all mini tickers");
    await all.first((rows) => rows[0]?.e === "1hTicker", "all rolling windows");
  },
  async "the WebSocket API: market data"() {
    api = await within(client.websocketAPI.connect(), "the WebSocket API");
    const result = async (answer) => (await within(answer, "an answer")).data;
    await api.ping();
    assert.ok((await result(api.time())).serverTime > 0);
    assert.equal((await result(api.exchangeInfo({ symbol: SYMBOL }))).symbols[0].symbol, SYMBOL);
    assert.ok((await result(api.depth({ symbol: SYMBOL, limit: 5 }))).bids.length > 0);
    for (const rows of ["tradesRecent", "tradesHistorical", "tradesAggregate"]) {
      assert.ok((await result(api[rows]({ symbol: SYMBOL, limit: 5 }))).length > 0, rows);
    }
    for (const ticker of ["ticker", "ticker24hr", "tickerBook", "tickerPrice", "tickerTradingDay"]) {
      assert.equal((await result(api[ticker]({ symbols: [SYMBOL, "ETHUSDT"] }))).length, 2, ticker);
    }
    for (const rows of ["klines", "uiKlines"]) {
      assert.ok((await result(api[rows]({ symbol: SYMBOL, interval: "1m", limit: 2 }))).length > 0, rows);
    }
    assert.equal((await result(api.avgPrice({ symbol: SYMBOL }))).mins, 5);
    assert.ok((await result(api.executionRules({ symbol: SYMBOL }))).symbolRules);
  },
  async "the WebSocket API: orders, account and user data"() {
    const result = async (answer) => (await within(answer, "an answer")).data;
    const subscription = await api.userDataStreamSubscribeSignature();
    subscription.stream.on("message", events.put);
    const order = await result(api.orderPlace(await limit("BUY", -50)));
    assert.equal((await events.first((event) => event.e === "executionReport", "a report")).i, order.orderId);
    assert.equal((await result(api.orderStatus({ symbol: SYMBOL, orderId: order.orderId }))).status, "NEW");
    const amended = await result(api.orderAmendKeepPriority({ symbol: SYMBOL, orderId: order.orderId, newQty: 0.0005 }));
    assert.equal(amended.amendedOrder.qty, "0.00050000");
    assert.equal((await result(api.openOrdersStatus({ symbol: SYMBOL }))).length, 1);
    assert.equal((await result(api.orderCancel({ symbol: SYMBOL, orderId: order.orderId }))).status, "CANCELED");
    const price = await last();
    const oco = await result(api.orderListPlaceOco({
      symbol: SYMBOL, side: "SELL", quantity: 0.001, aboveType: "LIMIT_MAKER", abovePrice: Number(near(price, 50)),
      belowType: "STOP_LOSS", belowStopPrice: Number(near(price, -50)),
    }));
    assert.equal((await result(api.openOrderListsStatus())).length, 1);
    await api.orderListCancel({ symbol: SYMBOL, orderListId: oco.orderListId });
    await api.orderPlace(await limit("BUY", -50));
    assert.equal((await result(api.openOrdersCancelAll({ symbol: SYMBOL }))).length, 1);
    await api.orderTest(await limit("BUY", -50));
    assert.ok((await result(api.accountStatus({ omitZeroBalances: true }))).balances.length > 0);
    assert.ok((await result(api.accountRateLimitsOrders())).length > 0);
    assert.ok((await result(api.myTrades({ symbol: SYMBOL }))).length > 0);
    assert.ok((await result(api.allOrders({ symbol: SYMBOL }))).length > 0);
    assert.ok((await result(api.allOrderLists())).length > 0);
    await refused(api.orderCancel({ symbol: SYMBOL, orderId: 999999999 }), -2011, "Unknown order sent.");
  },
  async "the WebSocket API: a session with an HMAC key"() {
    await within(api.sessionLogon(), "a logon");
    assert.ok((await within(api.sessionStatus(), "its status"))[0]?.data ?? true);
    const order = (await within(api.orderPlace(await limit("BUY", -50)), "an order without a signature")).data;
    await api.orderCancel({ symbol: SYMBOL, orderId: order.orderId });
  },
  async "a cut line is mended and everything asked for again"() {
    trades.clear();
    sockets.cut();
    await trades.first(() => true, "trades again");
    await until(() => api.isConnected(), "the WebSocket API again");
    const order = await until(
      async () => api.orderPlace(await limit("BUY", -50)).catch(() => undefined), "an order in the session that was logged on again",
    );
    assert.equal((await within(api.orderCancel({ symbol: SYMBOL, orderId: order.data.orderId }), "a cancel")).data.status, "CANCELED");
    await api.sessionLogout();
  },
});
