"""Streams: market and user data pushed over sockets.

In:    committed batches as the market view takes them in; requests of sockets.
Out:   frames, built once and sent to every subscriber.
Never: waits for a slow reader; sends what is not committed.
"""
