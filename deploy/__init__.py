"""Delivery: what is around the program where it runs on machines of its own.

`services.py` says how each fleet of `openbourse.roles` runs; unit files, balancer, chart and image are made from it, or
held to it by tests. `gate.py` and `rollout.py` change a running venue; `proof/` shows all of it on real systemd.
"""
