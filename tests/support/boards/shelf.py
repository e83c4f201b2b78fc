"""All boards, in the order in which their links stand, and the files that they are written to."""

from __future__ import annotations

from pathlib import Path

from tests.support.boards import execution, hedge, money, overview, process, venues
from tests.support.boards.grafana import Board

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    hedge.BOARD,
    execution.BOARD,
    venues.BOARD,
    money.BOARD,
    process.BOARD,
)


def path_of(board: Board) -> Path:
    """The board's file: overview is the first that Grafana shows."""
    return GRAFANA / "dashboards" / f"{board.uid.removeprefix('hedger-')}.json"
