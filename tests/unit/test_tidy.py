"""The source keeps its own house rules; each failure names the line and the remedy."""

import ast
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
VAGUE_NAMES = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"})

# Every entry gives its reason. A longer list is a decision, not a formality.
BROAD_EXCEPTS = {
    "hedger/__main__.py": "the one at the top",
    "hedger/ops/console/aside.py": "whatever the work raises is handed to whoever waits for it",
    "hedger/venues/outcome.py": "ccxt raises bare exceptions",
    "hedger/venues/streams.py": "whatever ccxt stumbles on in a frame would end its reading, unsaid",
}
CLOCK_READERS = {
    "hedger/runtime/clock.py": "it is the clock",
    "hedger/sim/": "the simulated venue has a clock of its own",
}
PRINTERS = {"hedger/cli/": "a command line prints"}
CHANCE = frozenset({"random", "secrets", "uuid"})
CHANCELESS = ("hedger/engine/", "hedger/model/")
PATCHING_TESTS: dict[str, str] = {}
SKIPPING_TESTS: dict[str, str] = {
    "tests/simulation/test_replay.py": "the recorded market data is not part of the repository",
}

SKIPS = frozenset({"mark.skip", "mark.skipif", "pytest.importorskip", "pytest.skip"})
CLOCK_CALLS = frozenset(
    {
        "date.today",
        "datetime.now",
        "datetime.today",
        "datetime.utcnow",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.time",
        "time.time_ns",
    }
)
# Written in pieces, so that this file does not accuse itself.
REGISTRY_HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "crates" + ".io",
    "deb." + "debian.org",
    "security." + "debian.org",
    "docker" + ".io",
    "proxy." + "golang.org",
)
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|opt/wheels)(?=[/\s\"'`:;,)]|$)")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    sizes = {path: len(read(path).splitlines()) for path in modules()}
    long = [f"{at(path)}: {size} lines" for path, size in sizes.items() if size > MOST_LINES]
    assert_none(long, f"split it by idea: a module has at most {MOST_LINES} lines")


def test_every_package_file_is_one_docstring() -> None:
    full = [at(path, 1) for path in modules() if path.name == "__init__.py" and len(tree(path).body) != 1]
    assert_none(full, "an __init__.py holds its docstring and nothing else: move the code into a module")


def test_every_module_begins_with_a_docstring() -> None:
    bare = [at(path, 1) for path in modules() if not ast.get_docstring(tree(path))]
    assert_none(bare, "say in one sentence what the module is")


def test_every_package_folder_has_a_package_file() -> None:
    folders = {path.parent for path in modules()}
    bare = [at(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert_none(bare, "add an __init__.py of one docstring: without it the layers are not checked")


def test_no_module_has_a_vague_name() -> None:
    vague = [at(p) for p in modules() if VAGUE_NAMES & {*p.relative_to(ROOT).parent.parts, p.stem}]
    assert_none(vague, "name the module by the idea that it holds")


def test_broad_excepts_are_only_where_a_reason_is_given() -> None:
    strays = [at(p, line) for p in modules() if relative(p) not in BROAD_EXCEPTS for line in broad_excepts(p)]
    assert_none(strays, "catch what you can name; a bug must reach the top and stop the program")


def test_a_file_has_at_most_one_broad_except() -> None:
    many = [at(p, line) for p in modules() if relative(p) in BROAD_EXCEPTS for line in broad_excepts(p)[1:]]
    assert_none(many, "one broad except in a file is the limit")


def test_every_allowance_names_a_broad_except_that_exists() -> None:
    present = {relative(path): path for path in modules()}
    unused = [name for name in BROAD_EXCEPTS if name in present and not broad_excepts(present[name])]
    assert_none(unused, "take it off the list BROAD_EXCEPTS in this test")


def test_only_the_command_line_prints() -> None:
    prints = [
        at(path, node.lineno)
        for path in modules(except_in=PRINTERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and dotted(node.func) == "print"
    ]
    assert_none(prints, "log it, or return it to the command line")


def test_only_the_clock_reads_the_clock() -> None:
    reads = [
        f"{at(path, node.lineno)}: {dotted(node)}"
        for path in modules(except_in=CLOCK_READERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and short(dotted(node)) in CLOCK_CALLS
    ]
    assert_none(reads, "take the time from the event, or a Clock from hedger.runtime.clock")


def test_clock_functions_are_not_imported_by_name() -> None:
    imports = [
        at(path, node.lineno)
        for path in modules(except_in=CLOCK_READERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
    ]
    assert_none(imports, "take the time from the event, or a Clock from hedger.runtime.clock")


def test_decisions_do_not_import_chance() -> None:
    imports = [
        at(path, node.lineno)
        for path in modules()
        if relative(path).startswith(CHANCELESS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and CHANCE & imported_roots(node)
    ]
    assert_none(imports, "the same events give the same commands: take ids from the counter in the state")


def test_no_unfinished_work_is_marked_in_the_source() -> None:
    marks = [at(p, n) for p in modules() for n, text in lines(p) if UNFINISHED.search(text)]
    assert_none(marks, "finish it, or open an issue and delete the mark")


def test_no_tracked_file_names_a_registry_host() -> None:
    hosts = [at(p, n) for p in tracked() for n, text in lines(p) if any(h in text for h in REGISTRY_HOSTS)]
    assert_none(hosts, "name the package and not the place that it comes from")


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    paths = [at(p, n) for p in tracked() for n, text in lines(p) if MACHINE_PATH.search(text)]
    assert_none(paths, "write the path relative to the repository")


def test_every_test_name_is_a_sentence() -> None:
    short_names = [f"{at(p, f.lineno)}: {f.name}" for p, f in functions_of_tests() if f.name.count("_") < 3]
    assert_none(short_names, "name the claim: test_a_lost_answer_is_reconciled_not_retried")


def test_no_test_uses_the_mock_library() -> None:
    mocks = [
        at(path, node.lineno)
        for path in sources_of_tests()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and imports_mock(node)
    ]
    assert_none(mocks, "write a small fake, or use the simulator")


def test_no_test_patches_what_it_tests() -> None:
    patches = attributes_in_tests({"monkeypatch.setattr"}, PATCHING_TESTS)
    assert_none(patches, "pass a fake through the port, or give a reason in PATCHING_TESTS")


def test_no_test_is_skipped_without_a_reason_here() -> None:
    skips = attributes_in_tests(SKIPS, SKIPPING_TESTS)
    assert_none(skips, "install what the test needs, or give a reason in SKIPPING_TESTS")


def test_machine_paths_are_told_from_ordinary_words() -> None:
    machine = ["/" + "root/.cache", "cd /" + "work", "'/" + "work/main'"]
    ordinary = ["at work/rest", "the network/work", "/workers", "~/work/hedger", "/rootless"]
    assert all(MACHINE_PATH.search(text) for text in machine)
    assert not any(MACHINE_PATH.search(text) for text in ordinary)


# --- what is read ---------------------------------------------------------------------------------


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git holds or would add, as it is on disk."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(ROOT / name for name in sorted(names) if name and (ROOT / name).is_file())


def modules(except_in: Iterable[str] = ()) -> Iterator[Path]:
    """The program's own modules, less those that are, or lie under, a name in `except_in`."""
    for path in tracked():
        name = relative(path)
        if name.startswith("hedger/") and path.suffix == ".py" and not name.startswith(tuple(except_in)):
            yield path


def sources_of_tests() -> Iterator[Path]:
    return (path for path in tracked() if relative(path).startswith("tests/") and path.suffix == ".py")


def functions_of_tests() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in sources_of_tests():
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield path, node


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(read(path), filename=relative(path))


def lines(path: Path) -> Iterator[tuple[int, str]]:
    return enumerate(read(path).splitlines(), start=1)


# --- what is looked for ---------------------------------------------------------------------------


def broad_excepts(path: Path) -> list[int]:
    handlers = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler))
    return sorted(handler.lineno for handler in handlers if is_broad(handler.type))


def is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(is_broad(element) for element in caught.elts)
    return caught is None or dotted(caught) in {"Exception", "BaseException"}


def imported_roots(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {name.split(".")[0] for name in imported_names(node)}


def imports_mock(node: ast.Import | ast.ImportFrom) -> bool:
    return any(name.startswith(("mock.", "unittest.mock")) or name == "mock" for name in imported_names(node))


def imported_names(node: ast.Import | ast.ImportFrom) -> set[str]:
    """`a.b` for `import a.b` and for `from a import b`; relative imports never leave the project."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return set() if node.level else {f"{node.module}.{alias.name}" for alias in node.names}


def attributes_in_tests(names: Collection[str], allowed: Iterable[str]) -> list[str]:
    return [
        f"{at(path, node.lineno)}: {dotted(node)}"
        for path in sources_of_tests()
        if relative(path) not in allowed
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and short(dotted(node)) in names
    ]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or a chain of attributes; an unnameable head is empty."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def short(name: str) -> str:
    return ".".join(name.split(".")[-2:])


# --- what is said ---------------------------------------------------------------------------------


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def at(path: Path, line: int | None = None) -> str:
    return relative(path) if line is None else f"{relative(path)}:{line}"


def assert_none(found: list[str], remedy: str) -> None:
    assert not found, "\n".join([remedy, *(f"  {place}" for place in sorted(found))])
