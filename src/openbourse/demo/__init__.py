"""Demo: market makers and takers that make a living market on a venue of one's own.

In:    the public API, keys of accounts made for it, a seed.
Out:   orders and cancels, through the public API alone; requests for test deposits when inventory runs short.
Never: sees anything a client could not see; fakes a trade or a past.
"""
