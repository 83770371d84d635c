"""Notifier: tells people what happened to their orders and funds, and what was done to the safety of their accounts.

In:    committed events after a cursor of its own; notices that wait in identity's rows; who has which address, and
       chose not to hear of what.
Out:   notifications, at least once each and with the same id each time, to a queue, mail or the log.
Never: writes back, but that a notice was told; tells what is not committed; holds up the exchange.
"""
