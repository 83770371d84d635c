"""Recorded markets: read what an exchange once recorded and trade it again through the public API.

In:    LOBSTER message files, Bitstamp order-event files, Binance's public trades.
Out:   orders and cancels of ordinary accounts, over the WebSocket API; a report.
Never: reaches past the public API while it trades; invents an order that the record does not imply.
"""
