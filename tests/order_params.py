"""Parameters of orders that several tests send."""

OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "9900",
    "belowType": "STOP_LOSS_LIMIT",
    "belowPrice": "8000",
    "belowStopPrice": "8100",
    "belowTimeInForce": "GTC",
}
