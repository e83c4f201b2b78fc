"""Where a delta should be, how far it may stray, and at what price it is mended."""
