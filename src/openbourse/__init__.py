"""openbourse: a highly available spot exchange with Binance's public API.

In:    requests of clients over HTTP and WebSocket.
Out:   committed trades, balances and market data.
Never: answers for anything that is not in the journal.
"""

__version__ = "0.1.0"
