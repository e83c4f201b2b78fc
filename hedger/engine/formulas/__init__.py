"""The mathematics: formulas over numbers and arrays, which know nothing of a state."""
