"""Identity: who may ask for what.

In:    sign-ups, sign-ins, requests for API keys; changes of a password, of sessions, of a second factor.
Out:   users, sessions and API keys as rows; accounts opened by command; keys for whoever checks signatures; notices to owners.
Never: keeps a password, a code or a secret readable; sees an order or a balance.
"""
