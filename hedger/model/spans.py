"""Spans of time in milliseconds. A year has 365 days of 24 hours, as venues and option prices count it."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_MS = 365 * DAY_MS
