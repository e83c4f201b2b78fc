"""What if: studies of policies on made-up prices, with the engine's own formulas."""
