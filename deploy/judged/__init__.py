"""What can be judged without running a venue: chart, container, scripts, image and workflows, by the tools of their trade.

The tools are in .venv-deploy; `helm` and `actionlint` are taken from PATH or var/deploy/bin, or built there by Go.
"""
