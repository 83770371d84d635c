"""Serving: what every HTTP and WebSocket face of the venue shares.

In:    requests as bytes, sockets, the answers of services.
Out:   authenticated, limited, parsed calls to operations; Binance's statuses, headers and errors.
Never: decides about money; knows a particular service.
"""
