"""The whole configuration: everything that an owner can set, in the words that they set it with."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field, PrivateAttr, SecretStr
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hedger.settings.hedges import HedgeSettings
from hedger.settings.money import MoneySettings
from hedger.settings.notify import NotifySettings
from hedger.settings.paper import PaperSettings
from hedger.settings.table import Table
from hedger.settings.values import (
    AccountName,
    Asset,
    BotTag,
    Milliseconds,
    Names,
    Notional,
    Number,
    Quantity,
    Span,
    SpanOrZero,
    Switch,
    SwitchSpan,
    Text,
    VenueName,
    Whole,
)
from hedger.settings.volatility import VolatilitySettings


class Mode(StrEnum):
    """What a start may do: trade on paper, watch, trade on a test network, or trade with real money."""

    PAPER = "paper"
    SHADOW = "shadow"
    TESTNET = "testnet"
    LIVE = "live"


class KeyEnvironment(StrEnum):
    """Where a pair of keys is valid."""

    TESTNET = "testnet"
    LIVE = "live"


class LogLevel(StrEnum):
    """The least severe line that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line is written: JSON for machines, console for a terminal, auto by what the output is."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class AccountSettings(Table):
    """One account on one venue, under the name that the rest of the configuration calls it by."""

    venue: VenueName = Field(description="The venue that the account is on.")
    api_key: SecretStr | None = Field(
        default=None, description="The API key; never in the file, only from the environment or a secret file."
    )
    secret: SecretStr | None = Field(
        default=None, description="The API secret; never in the file, only from the environment or a secret file."
    )
    passphrase: SecretStr | None = Field(
        default=None,
        description="The third secret of keys on okx and weex; never in the file, only from the environment or a "
        "secret file.",
    )
    key_environment: KeyEnvironment | None = Field(
        default=None, description="Where the keys are valid, testnet or live; it must agree with the mode."
    )
    dead_mans_switch_s: SwitchSpan = Field(
        default=Decimal(120),
        description="After so many seconds of our silence the venue cancels every open order on the instruments that "
        "the account hedges with, orders placed by hand too; 0 is off, else at least 10. Bybit, deribit, mexc and weex "
        "have none that can be used: it must be 0 there. On bingx and okx it is 120 at most, and on bingx it guards no "
        "contract that settles in its coin: it must be 0 on an account with one.",
    )


class HoldingSettings(Table):
    """Coins held where no API sees them."""

    asset: Asset = Field(description="The coin, as the underlying of a hedge.")
    quantity: Quantity = Field(description="How many coins are held.")
    label: Text | None = Field(default=None, description="Where they are, for people.")


class MetricsSettings(Table):
    """Where Prometheus and health checks find the hedger."""

    enabled: Switch = Field(default=True, description="Whether metrics and health are served.")
    host: Text = Field(default="127.0.0.1", description="The address to listen on.")
    port: Whole = Field(default=9108, ge=1, le=65_535, description="The port to listen on.")


class ConsoleSettings(Table):
    """Where people watch the hedger in a browser, and who holds the token pauses, resumes, flattens and kills it."""

    enabled: Switch = Field(default=True, description="Whether the console, its page and its API, is served.")
    host: Text = Field(
        default="127.0.0.1",
        description="The address to listen on; it speaks plain HTTP, so another one belongs behind TLS, and needs "
        "`read_token` or `anyone_reads`.",
    )
    port: Whole = Field(
        default=9109, ge=1, le=65_535, description="The port to listen on; where it is taken, paper takes a free one."
    )
    names: Names = Field(
        default=(),
        description="Host names, besides `host` and this machine's own, that clients may reach it by; with their port "
        "where it is another one.",
    )
    anyone_reads: Switch = Field(
        default=False,
        description="Whether everybody who can reach a `host` that is not loopback may read without a token.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="What whoever acts must hold, 32 characters or more; without it one is made and kept in the state "
        "directory, as `console-token`. Only from the environment or a secret file.",
    )
    read_token: SecretStr | None = Field(
        default=None,
        description="What whoever reads must hold, 32 characters or more; without it anybody on this machine may read. "
        "Only from the environment or a secret file.",
    )


class WatchdogSettings(Table):
    """When a stuck program is given up: its orders are canceled by another connection, and it ends."""

    stuck_s: Span = Field(
        default=Decimal(5), ge=2, le=60, description="How long the event loop may stand still, in real seconds."
    )


class JournalSettings(Table):
    """When the disk of the journal counts as too full to trade."""

    min_free_mb: Whole = Field(
        default=64,
        ge=1,
        le=1_000_000,
        description="Megabytes that must be free on the journal's disk; with less, nothing is created.",
    )


class LogSettings(Table):
    """What is logged and how it looks."""

    level: LogLevel = Field(default=LogLevel.INFO, description="The least severe line that is logged.")
    format: LogFormat = Field(
        default=LogFormat.AUTO, description="JSON, console, or auto: console on a terminal and JSON elsewhere."
    )


class PollingSettings(Table):
    """How often the venue is asked, and how often the engine looks at the clock."""

    account_s: Span = Field(default=Decimal(2), description="Seconds between readings of an account.")
    prices_s: Span = Field(default=Decimal(1), description="Seconds between readings of prices.")
    funding_s: Span = Field(default=Decimal(300), description="Seconds between readings of funding payments.")
    tick_ms: Milliseconds = Field(default=250, description="Milliseconds between two beats of the engine's clock.")


class ReconcileSettings(Table):
    """When the venue's account is believed."""

    clean_cycles: Whole = Field(
        default=2, ge=1, le=100, description="How many consistent readings in a row come before the first order."
    )
    settle_s: SpanOrZero = Field(
        default=Decimal(3), description="How long after our last fill a reading may still lag behind it, in seconds."
    )
    delta_jump_bands: Number = Field(
        default=Decimal(5),
        ge=1,
        le=1000,
        description="A change of delta of more than so many band widths in one reading needs a second reading.",
    )


class BreakerSettings(Table):
    """When the hedger stops creating orders by itself, and how it begins again: after a cool-down one order may try."""

    rejects: Whole = Field(
        default=5, ge=2, le=100, description="So many refusals in a row stop creates on the account."
    )
    unknown_orders: Whole = Field(
        default=3, ge=1, le=100, description="So many orders of unknown fate at once stop creates, on every account."
    )
    unknown_notional: Notional | None = Field(
        default=None,
        description="Orders of unknown fate worth more than this, in quote, stop creates on their account; without it, "
        "100000 or three times the largest `order_notional` of a hedge, whichever is more.",
    )
    cooldown_s: Span = Field(
        default=Decimal(30), description="How long creates stay stopped, in seconds; doubled when the try fails."
    )
    longest_cooldown_s: Span = Field(default=Decimal(900), description="The longest that this grows to, in seconds.")
    trips_per_day: Whole = Field(
        default=6, ge=1, le=100, description="More stops of one account in a day than this halt: a person must look."
    )
    lag_s: Span = Field(
        default=Decimal(1), description="A clock's beat that comes later than this stops creates for ten seconds."
    )
    gap_s: Span = Field(
        default=Decimal(5),
        description="After so long without any event (or four beats, if longer) every account is read anew first.",
    )


class Settings(BaseSettings):
    """Everything that an owner can set. `load_settings` is the way to make one: it also finds contradictions."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, case_sensitive=True, hide_input_in_errors=True, validate_default=True
    )

    mode: Mode = Field(
        default=Mode.PAPER,
        description="What a start may do: paper, shadow (watch an account and send nothing), testnet or live.",
    )
    live_armed: Switch = Field(
        default=False,
        description="The second switch that live trading needs; never in the file, only `--live` or the environment.",
    )
    bot: BotTag = Field(default="hdg", description="Three characters 0-9a-z in each order id that tell bots apart.")
    state_dir: Text = Field(default="state", description="The directory of the journal, the lease and the halt latch.")
    accounts: dict[AccountName, AccountSettings] = Field(min_length=1, description="The accounts, by name.")
    hedges: dict[Asset, HedgeSettings] = Field(min_length=1, description="The hedges, by name.")
    holdings: tuple[HoldingSettings, ...] = Field(
        default=(), description="Coins held where no API sees them, such as in a cold wallet."
    )
    money: dict[Asset, MoneySettings] = Field(
        default_factory=dict, description="What stablecoins and other quotes should be worth, and where it is seen."
    )
    polling: PollingSettings = Field(default=PollingSettings(), description="How often the venue is asked.")
    volatility: VolatilitySettings = Field(
        default=VolatilitySettings(), description="How volatility is measured on the past of the index."
    )
    reconcile: ReconcileSettings = Field(
        default=ReconcileSettings(), description="When the venue's account is believed."
    )
    breakers: BreakerSettings = Field(
        default=BreakerSettings(), description="When creates stop by themselves, and how they begin again."
    )
    metrics: MetricsSettings = Field(default=MetricsSettings(), description="Where metrics and health are served.")
    console: ConsoleSettings = Field(default=ConsoleSettings(), description="Where the console is served.")
    notify: NotifySettings = Field(default=NotifySettings(), description="What people are told by message.")
    watchdog: WatchdogSettings = Field(default=WatchdogSettings(), description="When a stuck program is given up.")
    journal: JournalSettings = Field(default=JournalSettings(), description="The room that the journal needs.")
    log: LogSettings = Field(default=LogSettings(), description="What is logged and how it looks.")
    paper: PaperSettings = Field(default=PaperSettings(), description="The exchange of `hedger paper`.")

    _origins: dict[tuple[str | int, ...], str] = PrivateAttr(default_factory=dict)
    _places: object = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the layers that `load_settings` read, the strongest first, in place of pydantic's own sources.

        Those read the process environment behind the caller's back, do not refuse unknown variables, and
        cannot say where a value came from.
        """
        layers = init_settings().get("layers", ())
        return tuple(InitSettingsSource(settings_cls, layer) for layer in layers)
