"""What may be against an order: limits, margin, the gates of accounts, and the mode of the whole program."""
