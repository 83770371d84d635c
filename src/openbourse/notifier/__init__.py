"""Notifier: tells people what happened to their orders and funds.

In:    committed events after a cursor of its own; who has which address, and chose not to hear of what.
Out:   notifications, at least once each and with the same id each time, to a queue, mail or the log.
Never: writes back; tells what is not committed; holds up the exchange.
"""
