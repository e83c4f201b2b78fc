"""What every table of settings is: frozen, closed to keys that it does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of settings: frozen, closed to keys that it does not know, silent about its values in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)
