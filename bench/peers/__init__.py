"""Other engines, measured beside ours in the same run; their code stays in their own checkouts."""
