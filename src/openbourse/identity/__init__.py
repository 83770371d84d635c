"""Identity: who may ask for what.

In:    sign-ups, sign-ins, requests for API keys.
Out:   users, sessions and API keys as rows; accounts opened by command; keys for whoever checks signatures.
Never: keeps a password or an HMAC secret readable; sees an order or a balance.
"""
