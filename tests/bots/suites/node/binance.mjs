// binance (tiagosiby's), as published: MainClient, WebsocketClient and WebsocketAPIClient, redirected by baseUrl and wsUrl.

import assert from "node:assert/strict";
import { DefaultLogger, MainClient, WebsocketAPIClient, WebsocketClient, WS_KEY_MAP } from "binance";
import { HTTP, Inbox, KEY, SECRET, SYMBOL, line, near, refused, run, until, within } from "./venue.mjs";

const quiet = { ...DefaultLogger, trace() {}, info() {}, error() {} };
const sockets = await line();
const keys = { api_key: KEY, api_secret: SECRET };
const rest = new MainClient({ ...keys, baseUrl: HTTP });
const streams = new WebsocketClient({ ...keys, wsUrl: sockets.url, restOptions: { baseUrl: HTTP } }, quiet);
const api = new WebsocketAPIClient(
  { ...keys, wsUrl: sockets.url, resubscribeUserDataStreamDelaySeconds: 0.2, attachEventListeners: false }, quiet,
);
const last = async () => (await rest.getSymbolPriceTicker({ symbol: SYMBOL })).price;
const limit = async (side, perMille, quantity = "0.001") => ({
  symbol: SYMBOL, side, type: "LIMIT", timeInForce: "GTC", quantity, price: near(await last(), perMille),
});

const messages = new Inbox();
const events = new Inbox();
const exceptions = new Inbox();
const reconnected = new Inbox();
streams.on("message", messages.put);
streams.on("exception", exceptions.put);
streams.on("reconnected", reconnected.put);
api.getWSClient().on("message", events.put);
api.getWSClient().on("reconnected", reconnected.put);

await run({
  async "what the exchange is"() {
    await rest.testConnectivity();
    // Its getServerTime, and with it disableTimeSync: false, asks api.binance.com whatever baseUrl says.
    assert.ok(Math.abs((await rest.get("api/v3/time")).serverTime - Date.now()) < 5_000);
    const info = await rest.getExchangeInfo({ symbols: [SYMBOL, "ETHUSDT"] });
    assert.deepEqual(info.symbols.map((row) => row.symbol).sort(), [SYMBOL, "ETHUSDT"]);
    assert.equal((await rest.getSystemStatus()).status, 0);
  },
  async "market data over REST"() {
    const book = await rest.getOrderBook({ symbol: SYMBOL, limit: 5 });
    assert.ok(Number(book.bids[0][0]) < Number(book.asks[0][0]));
    for (const rows of [rest.getRecentTrades, rest.getHistoricalTrades, rest.getAggregateTrades]) {
      assert.ok((await rows.call(rest, { symbol: SYMBOL })).length > 0);
    }
    assert.deepEqual(await rest.getHistoricalBlockTrades({ symbol: SYMBOL, fromId: 0 }), []);
    assert.equal((await rest.getKlines({ symbol: SYMBOL, interval: "1m", limit: 2 })).at(-1).length, 12);
    assert.ok((await rest.getUIKlines({ symbol: SYMBOL, interval: "1m", limit: 2 })).length > 0);
    assert.equal((await rest.getAvgPrice({ symbol: SYMBOL })).mins, 5);
    assert.ok((await rest.getExecutionRules({ symbol: SYMBOL })).symbolRules);
    assert.equal((await rest.get24hrChangeStatistics({ symbols: [SYMBOL, "ETHUSDT"] })).length, 2);
    for (const ticker of [rest.getTradingDayTicker, rest.getRollingWindowTicker, rest.getSymbolOrderBookTicker, rest.getSymbolPriceTicker]) {
      assert.equal((await ticker.call(rest, { symbol: SYMBOL })).symbol, SYMBOL);
      assert.equal((await ticker.call(rest, { symbols: [SYMBOL, "ETHUSDT"] })).length, 2);
    }
  },
  async "orders over REST"() {
    await rest.testNewOrder(await limit("BUY", -50));
    const order = await rest.submitNewOrder({ ...(await limit("BUY", -50)), newClientOrderId: rest.generateNewOrderId() });
    assert.equal(order.status, "NEW");
    assert.equal((await rest.getOrder({ symbol: SYMBOL, orderId: order.orderId })).clientOrderId, order.clientOrderId);
    const replaced = await rest.replaceOrder({
      ...(await limit("BUY", -60)), cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: order.orderId,
    });
    const again = replaced.newOrderResponse;
    assert.deepEqual((await rest.getOpenOrders({ symbol: SYMBOL })).map((row) => row.orderId), [again.orderId]);
    assert.equal((await rest.cancelOrder({ symbol: SYMBOL, orderId: again.orderId })).status, "CANCELED");
    const bought = await rest.submitNewOrder({ symbol: SYMBOL, side: "BUY", type: "MARKET", quoteOrderQty: 100, newOrderRespType: "FULL" });
    assert.equal(bought.status, "FILLED");
    assert.ok(bought.fills.length > 0);
    assert.ok((await rest.getAllOrders({ symbol: SYMBOL })).some((row) => row.orderId === bought.orderId));
    assert.equal((await rest.getAccountTradeList({ symbol: SYMBOL })).at(-1).orderId, bought.orderId);
    assert.ok(Number(rest.getRateLimitStates()["x-mbx-used-weight-1m"]) > 0);
  },
  async "order lists over REST"() {
    const price = await last();
    const oco = await rest.submitNewOrderList({
      symbol: SYMBOL, side: "SELL", quantity: 0.001, aboveType: "LIMIT_MAKER", abovePrice: near(price, 50),
      belowType: "STOP_LOSS_LIMIT", belowStopPrice: near(price, -50), belowPrice: near(price, -60), belowTimeInForce: "GTC",
    });
    assert.equal(oco.orderReports.length, 2);
    assert.equal((await rest.getOCO({ orderListId: oco.orderListId })).contingencyType, "OCO");
    assert.equal((await rest.getAllOpenOCO()).length, 1);
    assert.equal((await rest.cancelOCO({ symbol: SYMBOL, orderListId: oco.orderListId })).listOrderStatus, "ALL_DONE");
    const older = await rest.submitNewOCO({
      symbol: SYMBOL, side: "SELL", quantity: 0.001, price: near(price, 50), stopPrice: near(price, -50),
      stopLimitPrice: near(price, -60), stopLimitTimeInForce: "GTC",
    });
    const oto = await rest.submitNewOrderListOTO({
      symbol: SYMBOL, workingType: "LIMIT", workingSide: "BUY", workingPrice: near(price, -50), workingQuantity: 0.001,
      workingTimeInForce: "GTC", pendingType: "LIMIT_MAKER", pendingSide: "SELL", pendingPrice: near(price, 50), pendingQuantity: 0.001,
    });
    assert.equal(oto.contingencyType, "OTO");
    assert.equal(older.orders.length, 2);
    assert.ok((await rest.getAllOCO()).length >= 3);
    await rest.cancelAllSymbolOrders({ symbol: SYMBOL });
    assert.deepEqual(await rest.getAllOpenOCO(), []);
  },
  async "the account and its wallet"() {
    const account = await rest.getAccountInformation();
    assert.equal(account.accountType, "SPOT");
    assert.ok(account.balances.some((row) => row.asset === "BTC" && Number(row.free) > 0));
    assert.ok((await rest.getBalances()).some((row) => row.coin === "BTC"));
    assert.equal((await rest.getTradeFee({ symbol: SYMBOL }))[0].symbol, SYMBOL);
    assert.equal((await rest.getCommissionRates({ symbol: SYMBOL })).symbol, SYMBOL);
    assert.ok((await rest.getOrderRateLimit()).length > 0);
    assert.ok((await rest.getUserAsset({ asset: "BTC" })).length > 0);
    assert.ok("BTC" in (await rest.getAssetDetail({ asset: "BTC" })));
    assert.ok(Number((await rest.getWalletBalances()).find((row) => row.walletName === "Spot").balance) > 10);
    assert.equal((await rest.getAccountStatus()).data, "Normal");
    assert.equal((await rest.getApiKeyPermissions()).enableSpotAndMarginTrading, true);
    assert.ok((await rest.getApiTradingStatus()).data);
    assert.ok(await rest.getAccountInfo());
    assert.ok((await rest.getDepositHistory({})).some((row) => row.coin === "BTC"));
    assert.ok(Array.isArray(await rest.getWithdrawHistory({})));
  },
  async "refusals have Binance's codes"() {
    await refused(rest.submitNewOrder(await limit("BUY", -50, "100")), -2010, "insufficient balance");
    await refused(rest.cancelOrder({ symbol: SYMBOL, orderId: 999999999 }), -2011, "Unknown order sent.");
    await refused(rest.getOrderBook({ symbol: "NOSUCH" }), -1121, "Invalid symbol.");
    await refused(new MainClient({ api_key: "x".repeat(64), api_secret: SECRET, baseUrl: HTTP }).getAccountInformation(), -2015, "");
  },
  async "market streams"() {
    const symbol = SYMBOL.toLowerCase();
    const names = ["aggTrade", "trade", "kline_1m", "ticker", "miniTicker", "bookTicker", "depth@100ms", "depth5@100ms", "avgPrice", "ticker_1h"];
    await streams.subscribe(names.map((name) => `${symbol}@${name}`), "main");
    await streams.subscribe(["!miniTicker@arr", "!ticker_1h@arr"], "main");
    for (const kind of ["aggTrade", "trade", "kline", "24hrTicker", "24hrMiniTicker", "depthUpdate", "avgPrice", "1hTicker", "bookTicker", "depth5@100ms"]) {
      await messages.first((message) => message.e === kind, kind);
    }
    await messages.first((message) => Array.isArray(message) && message[0].e === "24hrMiniTicker", "tickers of all");
  },
  async "user data by a listen key"() {
    await streams.subscribeSpotUserDataStream("main");
    // The socket opens after the promise is kept: orders go on until one is told.
    await until(async () => {
      const order = await rest.submitNewOrder(await limit("BUY", -50));
      await rest.cancelOrder({ symbol: SYMBOL, orderId: order.orderId });
      return messages.has((message) => message.e === "executionReport" && message.X === "CANCELED");
    }, `own orders, ${JSON.stringify(exceptions.all())}`);
    await messages.first((message) => message.e === "outboundAccountPosition", "own balances");
  },
  async "the WebSocket API"() {
    await within(api.testSpotConnectivity(), "a ping");
    assert.ok((await within(api.getSpotServerTime(), "the time")).result.serverTime > 0);
    assert.equal((await api.getSpotExchangeInfo({ symbol: SYMBOL })).result.symbols[0].symbol, SYMBOL);
    assert.ok((await api.getSpotOrderBook({ symbol: SYMBOL, limit: 5 })).result.bids.length > 0);
    assert.ok((await api.getSpotKlines({ symbol: SYMBOL, interval: "1m" })).result.length > 0);
    await within(api.subscribeUserDataStream(WS_KEY_MAP.mainWSAPI), "a subscription");
    const timestamp = () => ({ symbol: SYMBOL, timestamp: Date.now() });
    const order = (await within(api.submitNewSpotOrder({ ...(await limit("BUY", -50)), ...timestamp() }), "an order")).result;
    const told = await events.first((event) => event.e === "executionReport" && event.i === order.orderId, "its report");
    assert.equal(told.X, "NEW");
    assert.equal((await api.getSpotOrderStatus({ ...timestamp(), orderId: order.orderId })).result.status, "NEW");
    const amended = await api.amendSpotOrderKeepPriority({ ...timestamp(), orderId: order.orderId, newQty: 0.0005 });
    assert.equal(amended.result.amendedOrder.qty, "0.00050000");
    await events.first((event) => event.e === "executionReport" && event.x === "REPLACED", "an amendment");
    await api.cancelSpotOrder({ ...timestamp(), orderId: order.orderId });
    const price = await last();
    const oco = await api.placeSpotOCOOrderList({
      ...timestamp(), side: "SELL", quantity: 0.001, aboveType: "LIMIT_MAKER", abovePrice: near(price, 50),
      belowType: "STOP_LOSS", belowStopPrice: near(price, -50),
    });
    await events.first((event) => event.e === "listStatus" && event.g === oco.result.orderListId, "a list");
    await api.cancelSpotOrderList({ ...timestamp(), orderListId: oco.result.orderListId });
    assert.deepEqual((await api.getSpotOpenOrders(timestamp())).result, []);
    assert.ok((await api.getSpotAccountInformation({ timestamp: Date.now() })).result.balances.length > 0);
    assert.ok((await api.getSpotMyTrades(timestamp())).result.length > 0);
    await refused(api.cancelSpotOrder({ ...timestamp(), orderId: 999999999 }), -2011, "Unknown order sent.");
  },
  async "a cut line is mended and everything asked for again"() {
    for (const box of [messages, events, reconnected]) box.clear();
    sockets.cut();
    await reconnected.first((event) => event.wsKey === "mainWSAPI", "the WebSocket API again");
    await messages.first((message) => message.e === "trade", "trades again");
    await until(async () => {
      const order = await rest.submitNewOrder(await limit("BUY", -50));
      await rest.cancelOrder({ symbol: SYMBOL, orderId: order.orderId });
      return events.has((event) => event.e === "executionReport") && messages.has((event) => event.e === "executionReport");
    }, "own orders again, on both");
    assert.ok(!exceptions.has(() => true), JSON.stringify(exceptions.all()));
    streams.closeAll(true);
    await api.disconnectAll();
  },
});
