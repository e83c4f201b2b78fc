"""Streams kept up: each channel is begun, watched for silence, and begun again after it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hedger.model.message import StreamChanged
from hedger.runtime.ports import Clock
from hedger.venues.hints import HintQueue

LOOK_S = 1.0
DIAL_S = 15.0
LONGEST_PAUSE_S = 30.0
# How long a stream must have been up for its next break to be a first one again. One that comes and goes is begun ever
# more seldom: each time something of our orders may be missed, and a reading must find room between two breaks.
STEADY_S = 60.0


@dataclass(slots=True, kw_only=True)
class Channel:
    """One connection's worth of news.

    `begin` subscribes and returns only when the stream breaks, by an error. `cut` closes its connection. `silence_s`
    is how long (of the clock) it may say nothing; None where silence is usual. `private`: it tells of our orders.
    """

    name: str
    begin: Callable[[], Awaitable[object]]
    cut: Callable[[], Awaitable[None]]
    silence_s: float | None
    private: bool = False
    up: bool = False
    up_at: int = 0
    heard_at: int = 0
    broken: str | None = None


class ChannelKeeper:
    """Keeps the channels of one account. Says when the whole is up, when a part of it went down, and when the part that
    tells of our orders is up again, whatever the others do."""

    def __init__(self, account: str, clock: Clock, queue: HintQueue, channels: Sequence[Channel]) -> None:
        self._account = account
        self._clock = clock
        self._queue = queue
        self.channels = tuple(channels)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin every channel, once."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep(channel)) for channel in self.channels]

    async def stop(self) -> None:
        """End every channel."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def heard(self, channel: Channel) -> None:
        """A frame came, or a connection that may stay silent stands: the channel is up."""
        channel.heard_at = self._clock.now_ms()
        if not channel.up:
            again = channel.up_at > 0
            channel.up, channel.up_at = True, channel.heard_at
            if all(other.up for other in self.channels):
                self._tell(channel, "up")
            elif channel.private and again:
                self._tell(channel, "up again, while others are not")

    def _tell(self, channel: Channel, text: str) -> None:
        whole, text = all(other.up for other in self.channels), f"{channel.name}: {text}"
        self._queue.put(StreamChanged(account=self._account, up=whole, text=text, private=channel.private))

    async def _keep(self, channel: Channel) -> None:
        failures = 0
        while True:
            text = await self._run(channel)
            steady = channel.up and self._clock.now_ms() - channel.up_at >= STEADY_S * 1000
            failures = 1 if steady else failures + 1
            channel.up = False
            self._tell(channel, text)
            await self._clock.sleep(min(0.25 * 2.0 ** min(failures, 10), LONGEST_PAUSE_S))

    async def _run(self, channel: Channel) -> str:
        """One life of a channel; returns why it ended."""
        channel.broken, channel.heard_at = None, self._clock.now_ms()
        task = asyncio.ensure_future(channel.begin())
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=self._clock.span(LOOK_S))
                if channel.broken is not None:
                    return channel.broken
                if (limit_s := self._patience_s(channel)) is not None:
                    silent_ms = self._clock.now_ms() - channel.heard_at
                    if silent_ms > limit_s * 1000:
                        return f"silent for {silent_ms / 1000:.0f} s"
            problem = None if task.cancelled() else task.exception()
            return "it broke" if problem is None else f"it broke ({type(problem).__name__})"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # What goes wrong in a farewell must not end the keeping, which nobody waits for.
            await asyncio.gather(channel.cut(), return_exceptions=True)

    def _patience_s(self, channel: Channel) -> float | None:
        return channel.silence_s if channel.up else DIAL_S
