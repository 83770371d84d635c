"""Market data: books, trades, tickers and candles from committed events.

In:    the feed; projection_marketdata at the start.
Out:   public questions answered from memory, older rows from PostgreSQL.
Never: shows anything uncommitted; knows of accounts.
"""
