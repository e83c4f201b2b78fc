"""An exchange that runs on this machine, for paper trading and for tests."""
