"""Write the dashboards that Grafana reads: `make boards`."""

from __future__ import annotations

from tests.support.boards.shelf import BOARDS, path_of


def main() -> None:
    """Every board into its file."""
    for board in BOARDS:
        path_of(board).write_text(board.text_of(BOARDS), encoding="utf-8")


if __name__ == "__main__":
    main()
