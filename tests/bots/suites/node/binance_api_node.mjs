// binance-api-node, as published: redirected by its options httpBase, wsBase and wsApi.

import assert from "node:assert/strict";
import Factory from "binance-api-node";
import { HTTP, Inbox, KEY, SECRET, SYMBOL, line, near, refused, run, until, within } from "./venue.mjs";

const sockets = await line();
const client = Factory.default({
  apiKey: KEY, apiSecret: SECRET, httpBase: HTTP, wsBase: `${sockets.url}/ws`, wsApi: `${sockets.url}/ws-api/v3`, emitSocketOpens: true,
});
const last = async () => (await client.prices({ symbol: SYMBOL }))[SYMBOL];
const events = new Inbox();

await run({
  async "what the exchange is"() {
    assert.ok(await client.ping());
    assert.ok(Math.abs((await client.time()) - Date.now()) < 5_000);
    assert.ok((await client.exchangeInfo({ symbol: SYMBOL })).symbols[0].filters.length > 5);
  },
  async "market data over REST"() {
    const book = await client.book({ symbol: SYMBOL, limit: 5 });
    assert.ok(Number(book.bids[0].price) < Number(book.asks[0].price));
    assert.ok((await client.candles({ symbol: SYMBOL, interval: "1m" })).at(-1).trades >= 0);
    assert.ok((await client.aggTrades({ symbol: SYMBOL })).length > 0);
    assert.ok((await client.trades({ symbol: SYMBOL })).length > 0);
    assert.ok((await client.tradesHistory({ symbol: SYMBOL })).length > 0);
    assert.equal((await client.dailyStats({ symbol: SYMBOL })).symbol, SYMBOL);
    assert.ok((await client.dailyStats()).length > 1);
    assert.ok(SYMBOL in (await client.prices()));
    assert.ok(SYMBOL in (await client.allBookTickers()));
    assert.equal((await client.avgPrice({ symbol: SYMBOL })).mins, 5);
    assert.ok(client.getInfo()["127.0.0.1"].usedWeight1m > 0);
  },
  async "orders over REST"() {
    const price = await last();
    const wanted = { symbol: SYMBOL, side: "BUY", quantity: "0.001", price: near(price, -50) };
    await client.orderTest(wanted);
    const order = await client.order({ ...wanted, useServerTime: true });
    assert.equal(order.status, "NEW");
    assert.equal((await client.getOrder({ symbol: SYMBOL, orderId: order.orderId })).price, `${wanted.price}000000`);
    const replaced = await client.updateOrder({ ...wanted, type: "LIMIT", cancelOrderId: order.orderId });
    assert.equal(replaced.cancelResult, "SUCCESS");
    const { orderId } = replaced.newOrderResponse;
    assert.deepEqual((await client.openOrders({ symbol: SYMBOL })).map((row) => row.orderId), [orderId]);
    assert.equal((await client.cancelOrder({ symbol: SYMBOL, orderId })).status, "CANCELED");
    assert.equal((await client.order({ symbol: SYMBOL, side: "BUY", type: "MARKET", quoteOrderQty: "100" })).status, "FILLED");
    const sold = await client.order({ symbol: SYMBOL, side: "SELL", type: "MARKET", quantity: "0.001" });
    assert.ok((await client.allOrders({ symbol: SYMBOL })).some((row) => row.orderId === sold.orderId));
    assert.equal((await client.myTrades({ symbol: SYMBOL })).at(-1).orderId, sold.orderId);
    const oco = await client.orderOco({
      symbol: SYMBOL, side: "SELL", quantity: "0.001", price: near(price, 50), stopPrice: near(price, -50), stopLimitPrice: near(price, -60),
    });
    assert.equal((await client.getOrderOco({ orderListId: oco.orderListId })).listOrderStatus, "EXECUTING");
    assert.ok((await client.allOrdersOCO({})).length > 0);
    assert.equal((await client.cancelOrderOco({ symbol: SYMBOL, orderListId: oco.orderListId })).listOrderStatus, "ALL_DONE");
    await client.order(wanted);
    assert.equal((await client.cancelOpenOrders({ symbol: SYMBOL })).length, 1);
  },
  async "the account and its wallet"() {
    assert.ok((await client.accountInfo()).balances.some((row) => row.asset === "BTC" && Number(row.free) > 0));
    assert.equal((await client.tradeFee({ symbol: SYMBOL }))[0].symbol, SYMBOL);
    assert.ok((await client.accountCoins()).some((row) => row.coin === "BTC"));
    assert.ok("BTC" in (await client.assetDetail()));
    assert.ok((await client.depositHistory()).some((row) => row.coin === "BTC"));
    assert.deepEqual(await client.withdrawHistory(), []);
  },
  async "refusals have Binance's codes"() {
    const order = { symbol: SYMBOL, side: "BUY", quantity: "100", price: near(await last(), -50) };
    await refused(client.order(order), -2010, "insufficient balance");
    await refused(client.order({ ...order, quantity: "0.000015" }), -1013, "LOT_SIZE");
    await refused(client.cancelOrder({ symbol: SYMBOL, orderId: 999999999 }), -2011, "Unknown order sent.");
    await refused(client.book({ symbol: "NOSUCH" }), -1121, "Invalid symbol.");
  },
  async "market streams"() {
    const { ws } = client;
    const came = async (what, subscribe, matches = () => true) => {
      const box = new Inbox();
      const close = subscribe(box.put);
      await box.first(matches, what);
      close({ delay: 0, fastClose: true, keepClosed: true });
    };
    await came("depth", (put) => ws.depth(SYMBOL, put), (row) => row.finalUpdateId >= row.firstUpdateId);
    await came("depth, quick", (put) => ws.depth(`${SYMBOL}@100ms`, put), (row) => row.symbol === SYMBOL);
    await came("partial depth", (put) => ws.partialDepth({ symbol: SYMBOL, level: 5 }, put), (row) => row.bids.length === 5);
    await came("candles", (put) => ws.candles([SYMBOL, "ETHUSDT"], "1m", put), (row) => row.interval === "1m");
    await came("trades", (put) => ws.trades([SYMBOL], put), (row) => row.eventType === "trade");
    await came("aggregate trades", (put) => ws.aggTrades(SYMBOL, put), (row) => row.aggId > 0);
    await came("quotes", (put) => ws.bookTicker(SYMBOL, put), (row) => row.bestBid > 0);
    await came("a ticker", (put) => ws.ticker(SYMBOL, put), (row) => row.curDayClose > 0);
    await came("a mini ticker", (put) => ws.miniTicker(SYMBOL, put), (row) => row.symbol === SYMBOL);
    await came("all mini tickers", (put) => ws.allMiniTickers(put), (rows) => rows.length > 0);
    await came("a stream by its name", (put) => ws.customSubStream(`${SYMBOL.toLowerCase()}@avgPrice`, put), (row) => row.e === "avgPrice");
  },
  async "user data, and again after a cut line"() {
    const close = await within(client.ws.user(events.put), "a subscription");
    const told = async (what) => {
      const order = await client.order({ symbol: SYMBOL, side: "BUY", quantity: "0.001", price: near(await last(), -50) });
      await client.cancelOrder({ symbol: SYMBOL, orderId: order.orderId });
      return await events.first((event) => event.orderId === order.orderId && event.executionType === "CANCELED", what);
    };
    assert.equal((await told("a cancel")).eventType, "executionReport");
    await events.first((event) => event.eventType === "outboundAccountPosition", "balances");
    events.clear();
    sockets.cut();
    // It tries again after four seconds, and says only that the socket is open: orders go on until one is told.
    await events.first((event) => event.eventType === "open", "the socket again");
    await until(async () => {
      const order = await client.order({ symbol: SYMBOL, side: "BUY", quantity: "0.001", price: near(await last(), -50) });
      await client.cancelOrder({ symbol: SYMBOL, orderId: order.orderId });
      return events.has((event) => event.eventType === "executionReport");
    }, "own orders again");
    close({ delay: 0, fastClose: true, keepClosed: true });
  },
});
