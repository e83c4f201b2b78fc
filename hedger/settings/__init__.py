"""What the owner writes down: the schema of the configuration, where each value came from, and what it means."""
