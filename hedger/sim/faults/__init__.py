"""What can go wrong with a venue, a network, an account, a market, a disk and a clock: named, planned and injected."""
