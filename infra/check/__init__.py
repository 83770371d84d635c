"""The ladder: rungs that templates must climb before anybody deploys them."""
