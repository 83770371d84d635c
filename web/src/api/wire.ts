/** Shapes of the public API that this page reads. Amounts are decimal text, times are milliseconds. */

export type Side = "BUY" | "SELL";
export type OrderType = "LIMIT" | "LIMIT_MAKER" | "MARKET" | "STOP_LOSS" | "STOP_LOSS_LIMIT" | "TAKE_PROFIT" | "TAKE_PROFIT_LIMIT";
export type TimeInForce = "GTC" | "IOC" | "FOK";

export interface WireFilter {
  filterType: string;
  [field: string]: string | number | boolean;
}

export interface WireInstrument {
  symbol: string;
  status: string;
  baseAsset: string;
  quoteAsset: string;
  orderTypes: string[];
  ocoAllowed?: boolean;
  allowTrailingStop?: boolean;
  filters: WireFilter[];
}

export interface WireExchangeInfo {
  symbols: WireInstrument[];
}

export interface WireTicker {
  symbol: string;
  openPrice: string;
  lastPrice: string;
  highPrice: string;
  lowPrice: string;
  volume: string;
  quoteVolume: string;
}

export interface WireMiniTicker {
  s: string;
  c: string;
  o: string;
  h: string;
  l: string;
  v: string;
  q: string;
}

export interface WireAverage {
  price: string;
}

export interface WireAverageEvent {
  w: string;
}

export type WireLevel = [price: string, quantity: string];

export interface WireDepth {
  lastUpdateId: number;
  bids: WireLevel[];
  asks: WireLevel[];
}

export interface WireDepthUpdate {
  U: number;
  u: number;
  b: WireLevel[];
  a: WireLevel[];
}

export interface WireTrade {
  id: number;
  price: string;
  qty: string;
  time: number;
  isBuyerMaker: boolean;
}

export interface WireTradeEvent {
  t: number;
  p: string;
  q: string;
  T: number;
  m: boolean;
}

export type WireKline = [
  openTime: number, open: string, high: string, low: string, close: string, volume: string, ...rest: unknown[],
];

export interface WireKlineEvent {
  k: { t: number; i: string; o: string; h: string; l: string; c: string; v: string };
}

export interface WireBalance {
  asset: string;
  free: string;
  locked: string;
}

export interface WireAccount {
  balances: WireBalance[];
}

export interface WireOrder {
  symbol: string;
  orderId: number;
  clientOrderId: string;
  price: string;
  origQty: string;
  executedQty: string;
  cummulativeQuoteQty: string;
  origQuoteOrderQty: string;
  status: string;
  timeInForce: string;
  type: string;
  side: Side;
  time: number;
  updateTime: number;
  orderListId: number;
  /** -1 until the order works: a stop that has not triggered, a leg that waits. */
  workingTime: number;
  stopPrice?: string;
  icebergQty?: string;
  trailingDelta?: number;
  pegPriceType?: string;
  peggedPrice?: string;
}

/** The answer to a placement: an order without its query-only fields. */
export type WirePlacement = Omit<WireOrder, "time" | "updateTime"> & { transactTime: number };

export interface WireFill {
  symbol: string;
  id: number;
  orderId: number;
  price: string;
  qty: string;
  quoteQty: string;
  commission: string;
  commissionAsset: string;
  time: number;
  isBuyer: boolean;
  isMaker: boolean;
}

export interface WireExecutionReport {
  e: "executionReport";
  s: string;
  c: string;
  C: string;
  S: Side;
  o: string;
  f: string;
  q: string;
  p: string;
  Q: string;
  x: string;
  X: string;
  r: string;
  i: number;
  l: string;
  z: string;
  L: string;
  n: string;
  N: string | null;
  T: number;
  t: number;
  m: boolean;
  O: number;
  Z: string;
  Y: string;
  P: string;
  F: string;
  g: number;
  W?: number;
  d?: number;
  gP?: string;
  gp?: string;
}

/** An order list as it is asked for. */
export interface WireOrderList {
  orderListId: number;
  contingencyType: string;
  symbol: string;
  orders: { orderId: number }[];
}

/** The answer to the placement of a list. */
export type WireListPlacement = WireOrderList & { orderReports: WirePlacement[] };

export interface WireListStatus {
  e: "listStatus";
  s: string;
  g: number;
  c: string;
  O: { i: number }[];
}

export interface WireAccountPosition {
  e: "outboundAccountPosition";
  B: { a: string; f: string; l: string }[];
}

export interface WireBalanceUpdate {
  e: "balanceUpdate";
  a: string;
  d: string;
}

export type WireUserEvent =
  | WireExecutionReport
  | WireAccountPosition
  | WireBalanceUpdate
  | WireListStatus
  | { e: "eventStreamTerminated" | "serverShutdown" };

export interface WireDepositAddress {
  coin: string;
  address: string;
  tag: string;
}

export interface WireDeposit {
  id: string;
  amount: string;
  coin: string;
  status: number;
  address: string;
  addressTag: string;
  txId: string;
  insertTime: number;
}

export interface WireWithdrawal {
  id: string;
  amount: string;
  coin: string;
  status: number;
  address: string;
  addressTag: string;
  txId: string;
  /** In UTC: "2026-11-27 01:02:03". */
  applyTime: string;
  info: string;
  withdrawOrderId?: string;
}

export interface WireSession {
  apiKey: string;
  secretKey: string;
  accountId: number | string;
  email: string;
  expiresAt: number;
}

export interface WireApiKey {
  apiKey: string;
  label: string;
  permissions: string[];
  ipAllowList: string[];
  kind: string;
  createdAt: number;
}

/** Another place where the same person is signed in, or this one. */
export interface WireOpenSession {
  sessionId: string;
  isCurrent: boolean;
  device: string;
  network: string;
  createdAt: number;
  lastUsedAt: number | null;
  expiresAt: number;
}

export interface WireSecondFactor {
  isOn: boolean;
  onSince: number | null;
  recoveryCodesLeft: number;
}
