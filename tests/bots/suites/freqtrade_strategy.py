"""A strategy that surely trades: one entry too low and one that takes, one exit too high and one that takes."""

from datetime import timedelta
from typing import ClassVar

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy

HELD_FOR = timedelta(seconds=4)


class EntersAndExits(IStrategy):
    """Buys BTC/USDT by signal; ETH/USDT only when forced. First prices never fill, second ones do."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    # The venue is a minute old: one closed candle must do.
    startup_candle_count = 0
    process_only_new_candles = False
    minimal_roi: ClassVar = {"0": 10.0}
    stoploss = -0.03
    order_types: ClassVar = {
        "entry": "limit",
        "exit": "limit",
        "force_entry": "market",
        "force_exit": "market",
        "emergency_exit": "market",
        "stoploss": "limit",
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_interval": 5,
        "stoploss_on_exchange_limit_ratio": 0.99,
    }
    unfilledtimeout: ClassVar = {"entry": 3, "exit": 3, "unit": "seconds", "exit_timeout_count": 0}
    entries = 0
    exits = 0

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        if metadata["pair"] == "BTC/USDT":
            dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side, **kwargs):
        return proposed_rate * (0.9 if self.entries == 0 else 1.002)

    def confirm_trade_entry(self, pair, order_type, *args, **kwargs):
        if order_type == "limit":
            type(self).entries += 1
            return not Trade.get_trades_proxy(pair=pair, is_open=False)
        return True

    def custom_exit(self, pair, trade: Trade, current_time, current_rate, current_profit, **kwargs):
        return "held_enough" if pair == "BTC/USDT" and current_time - trade.open_date_utc > HELD_FOR else None

    def custom_exit_price(self, pair, trade, current_time, proposed_rate, current_profit, exit_tag, **kwargs):
        return proposed_rate * (1.1 if self.exits == 0 else 0.998)

    def confirm_trade_exit(self, pair, trade, order_type, *args, **kwargs):
        if order_type == "limit":
            type(self).exits += 1
        return True
