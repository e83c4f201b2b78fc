"""Leave to send an order, for tests that place one by hand."""


def let_go() -> str | None:
    """Nothing is against it."""
    return None
