"""The forms in which Binance sends the frames of its streams."""

from __future__ import annotations

from hedger.sim.dialects.requests import Body


def bare(stream: str, body: Body) -> Body:
    """A frame as it is."""
    return body


def combined(stream: str, body: Body) -> Body:
    """A frame with the name of its stream, as under /stream."""
    return {"stream": stream, "data": body}


def numbered(stream: str, body: Body) -> Body:
    """A frame of the WebSocket API's first subscription."""
    return {"subscriptionId": 0, "event": body}
