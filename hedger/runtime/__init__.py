"""The shell around the engine: clock, inbox, journal, dispatch and shutdown."""
