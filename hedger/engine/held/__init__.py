"""What is held and what it is worth: exposures, prices, their age and their past, contracts and their ends."""
