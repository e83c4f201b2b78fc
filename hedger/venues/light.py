"""Import one ccxt.pro exchange class without the hundred others: half the memory and a third of the time."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hedger.errors import Bug


def load_exchange_class(name: str) -> Any:
    """The class `ccxt.pro.<name>`, from ccxt's own files; only its package files, which import all, are not run."""
    root = sys.modules.get("ccxt")
    if root is not None and getattr(root, "__file__", None):
        return getattr(importlib.import_module("ccxt.pro"), name)
    if root is None:
        _lay_out_packages()
    exchange = getattr(importlib.import_module(f"ccxt.async_support.{name}"), name)
    # ccxt/pro/<name>.py names its parent as an attribute of this package, and its users expect the class in ccxt.pro.
    vars(sys.modules["ccxt.async_support"])[name] = exchange
    streaming = getattr(importlib.import_module(f"ccxt.pro.{name}"), name)
    vars(sys.modules["ccxt.pro"])[name] = streaming
    return streaming


def _lay_out_packages() -> None:
    """Put ccxt's three packages in place as ccxt's own modules expect to find them, without their contents."""
    spec = importlib.util.find_spec("ccxt")
    if spec is None or spec.origin is None:
        raise Bug("ccxt is not installed: install the program with its locked requirements.")
    directory = Path(spec.origin).parent
    root = _bare("ccxt", directory)
    errors = importlib.import_module("ccxt.base.errors")
    for key, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, BaseException):
            setattr(root, key, value)
    exchange = importlib.import_module("ccxt.base.exchange")
    vars(root).update(
        errors=errors,
        error_hierarchy=errors.error_hierarchy,
        Exchange=exchange.Exchange,
        __version__=exchange.__version__,
    )
    async_support = _bare("ccxt.async_support", directory / "async_support")
    pro = _bare("ccxt.pro", directory / "pro")
    vars(root).update(async_support=async_support, pro=pro)
    parent = importlib.import_module("ccxt.async_support.base.exchange").Exchange
    for package in (async_support, pro):
        vars(package).update(Exchange=parent, __version__=exchange.__version__)


def _bare(name: str, directory: Path) -> ModuleType:
    """A package whose submodules can be imported, and whose own file is not run."""
    module = ModuleType(name)
    module.__path__ = [str(directory)]
    module.__package__ = name
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    module.__spec__.submodule_search_locations = [str(directory)]
    sys.modules[name] = module
    return module
