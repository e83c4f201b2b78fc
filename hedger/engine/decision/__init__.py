"""What is due: which order, in which instrument, how much of it, and which working order has lost its place."""
