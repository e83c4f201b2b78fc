"""The console: a page and an API for the people on call, served apart from the loop that hedges."""
