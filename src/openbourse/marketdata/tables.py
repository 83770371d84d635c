"""Tables of projection_marketdata. Rebuilt together with projection_history, under its cursor."""

from typing import Final

NAME: Final = "projection_marketdata"
SCHEMA: Final = """
CREATE SCHEMA projection_marketdata;
CREATE TABLE projection_marketdata.listing (
    kind smallint NOT NULL, key text NOT NULL, event bytea NOT NULL, PRIMARY KEY (kind, key)
);
CREATE TABLE projection_marketdata.level (
    instrument integer NOT NULL, side smallint NOT NULL, price bigint NOT NULL, quantity numeric(40) NOT NULL,
    PRIMARY KEY (instrument, side, price)
);
CREATE TABLE projection_marketdata.book (instrument integer PRIMARY KEY, update_id bigint NOT NULL);
CREATE TABLE projection_marketdata.trade (
    instrument integer NOT NULL, trade bigint NOT NULL, aggregate bigint NOT NULL, price bigint NOT NULL,
    quantity bigint NOT NULL, quote numeric(40) NOT NULL, time_us bigint NOT NULL, buyer_is_maker boolean NOT NULL,
    PRIMARY KEY (instrument, trade)
);
CREATE TABLE projection_marketdata.candle (
    instrument integer NOT NULL, seconds integer NOT NULL, open_us bigint NOT NULL, open bigint NOT NULL,
    high bigint NOT NULL, low bigint NOT NULL, close bigint NOT NULL, volume numeric(40) NOT NULL,
    quote numeric(40) NOT NULL, count bigint NOT NULL, taker_volume numeric(40) NOT NULL,
    taker_quote numeric(40) NOT NULL, first_trade bigint NOT NULL, last_trade bigint NOT NULL,
    PRIMARY KEY (instrument, seconds, open_us)
);
CREATE INDEX trade_time ON projection_marketdata.trade (instrument, time_us);
CREATE INDEX trade_aggregate ON projection_marketdata.trade (instrument, aggregate);
CREATE TABLE projection_marketdata.rolled (seconds integer PRIMARY KEY, until_us bigint NOT NULL);
"""
# What came later and needs no rebuilding: it is caught up. SCHEMA says it too: the gate of a deploy reads that as it stands.
LATER: Final = """
CREATE TABLE IF NOT EXISTS projection_marketdata.rolled (seconds integer PRIMARY KEY, until_us bigint NOT NULL);
"""
