"""What the engine knows and what the owner wants, as immutable values, and the tables by which they change."""
