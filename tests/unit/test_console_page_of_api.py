"""The API's table, its description and its page in the docs say the same."""

import subprocess
import sys
from pathlib import Path

from hedger.ops.console.openapi import api_page, description
from hedger.ops.console.routes import ROUTES
from tests.support.console_stand import get, served

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_the_api_is_what_the_table_says() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert page == api_page(), "write it anew: python -c 'from hedger.ops.console.openapi import api_page; …'"


def test_the_description_that_is_served_has_every_route(tmp_path: Path) -> None:
    with served(tmp_path) as console:
        told = get(console, "/api/openapi.json").body
    assert told == description("1")
    assert {(path, method.upper()) for path, item in told["paths"].items() for method in item} == {
        (route.path, route.method) for route in ROUTES
    }


def test_no_two_routes_share_a_name_or_a_place() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_every_act_is_a_post_and_nothing_else_is() -> None:
    assert [route.name for route in ROUTES if (route.method == "POST") != (route.body is not None)] == []
    assert {route.method for route in ROUTES} == {"GET", "POST"}


def test_what_serves_nothing_does_not_import_the_server() -> None:
    """aiohttp.web takes a while to import, and only who serves needs it."""
    code = (
        "import sys, hedger.app.daemon, hedger.app.doctor, hedger.cli.root, hedger.cli.console\n"
        "assert not [name for name in sys.modules if name == 'aiohttp.web']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
