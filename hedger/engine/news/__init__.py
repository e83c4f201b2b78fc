"""What an event changes: orders, readings of accounts and the books, and what of them is believed."""
