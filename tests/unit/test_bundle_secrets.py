"""No secret leaves in a bundle: canaries in every place that one may be in, and none of them in any file of it."""

from __future__ import annotations

import base64
import json
import tarfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from hedger.app.bundle import bundle
from hedger.app.scrub import Scrubber, secrets_here
from hedger.errors import ConfigError
from hedger.runtime.journal import Journal, Row

CONFIG = """
mode = "shadow"     # COMMENT-kanarienvogel-0
[accounts.main]
venue = "okx"
key_environment = "live"
[[holdings]]
asset = "BTC"
quantity = 0.5
label = "LABEL-kanarienvogel-1"
[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
guards = { position = 2 }
"""
KEY, SECRET, PASSPHRASE = "kanarienvogel+key/3a7f", "kanarienvogel secret'5b", 'kanarienvogel"pass\\9'
TOKEN, OTHER, PRIVATE = "kanarienvogel-token", "kanarienvogel-cloud-77", "kanarienvogelPRIVATE\nkanarienvogel2ND"
FORGOTTEN = "kAn4R1eNv0g3lkAn4R1eNv0g3lkAn4R1eNv0g3l"  # known to nobody here: it only looks like one


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Path, dict[str, str]]:
    """A state directory, a configuration and an environment with canaries in each."""
    state, secrets = tmp_path / "state", tmp_path / "secrets"
    state.mkdir(mode=0o700)
    secrets.mkdir()
    (secrets / "accounts__main__secret").write_text(SECRET + "\n")
    (secrets / "accounts__main__secret").chmod(0o600)
    key_file = tmp_path / "key-file"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    (tmp_path / "x.toml").write_text(CONFIG)
    (state / "console-token").write_text(TOKEN)
    (state / "stacks.txt").write_text(f"File x, line 3\n  sign({SECRET!r})\n")
    leaks = f"{KEY} {json.dumps(SECRET)} {PASSPHRASE} {TOKEN} {OTHER} {PRIVATE} {quote(KEY)}"
    encoded = base64.b64encode(f"user:{SECRET}".encode()).decode()
    (state / "status.json").write_text(json.dumps({"mode_reason": leaks, "paused": encoded}))
    log = f"{leaks}\nGET /x?signature=KANARIENVOGELHMAC&symbol=BTC\nAuthorization: Bearer {FORGOTTEN}\n{FORGOTTEN}\n"
    log += "https://me:kanarienvogelpw@example.org/hook\napi_secret: kanarienvogelX1\npassword = 'kanarienvogelX2'\n"
    log += "-----BEGIN PRIVATE KEY-----\nkanarienvogelPEM\n-----END PRIVATE KEY-----\n"
    (tmp_path / "log").write_text(log)
    with closing(Journal.open(state)) as journal:
        journal.begin(1_700_000_000_000, {"version": "0", "mode": "shadow", "config": "0"})
        journal.write(
            [
                Row(1_700_000_000_001, "operator", "pause", {"reason": leaks}),
                Row(1_700_000_000_002, "halt", f"a reason with {SECRET} in it", {}),
                Row(1_700_000_000_003, "change", "main/BTC", {"detail": leaks}),
            ]
        )
    environ = {
        "HEDGER_ACCOUNTS__MAIN__API_KEY_FILE": str(key_file),
        "HEDGER_ACCOUNTS__MAIN__PASSPHRASE": PASSPHRASE,
        "HEDGER_SECRETS_DIR": str(secrets),
        "AWS_SECRET_ACCESS_KEY": OTHER,
        "SSH_PRIVATE_KEY": PRIVATE,
        "LANG": "C.UTF-8",
    }
    return state, tmp_path / "x.toml", environ


def texts_of(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read().decode() for name, file in files.items() if file is not None}


def test_no_canary_is_in_any_file_of_it(kept: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> None:
    state, config, environ = kept
    path = tmp_path / "b.tar.gz"
    bundle(path, state, config=config, environ=environ, log=tmp_path / "log")
    texts = texts_of(path)
    assert len(texts) == 12
    everything = "\n".join(texts.values())
    assert "kanarienvogel" not in everything.lower()
    assert "kan4r1env0g3l" not in everything.lower()
    for secret in (KEY, SECRET, PASSPHRASE, TOKEN, OTHER, FORGOTTEN):
        assert secret not in everything
        assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-2] not in everything
    assert "symbol=BTC" in texts["hedger-bundle/log.txt"]
    assert '"kind": "operator"' in texts["hedger-bundle/events.jsonl"]
    assert "accounts.main.venue = okx" in texts["hedger-bundle/config.txt"]
    names = texts["hedger-bundle/environment.txt"].split()
    assert "HEDGER_ACCOUNTS__MAIN__PASSPHRASE" in names
    assert all("=" not in name for name in names)


def test_a_key_in_the_configuration_is_told_without_its_value(
    kept: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    state, config, environ = kept
    config.write_text(CONFIG.replace('venue = "okx"', 'venue = "okx"\nsecret = "kanarienvogel-in-the-file"'))
    bundle(tmp_path / "b.tar.gz", state, config=config, environ=environ)
    told = texts_of(tmp_path / "b.tar.gz")["hedger-bundle/config.txt"]
    assert "could not be had" in told
    assert "does not belong in a file" in told
    assert "kanarienvogel" not in told


def test_what_cannot_be_had_says_why_and_the_rest_comes(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"nothing of the kind" * 100)
    parts = bundle(tmp_path / "b.tar.gz", tmp_path, config=tmp_path / "none.toml", environ={}, log=tmp_path / "no.log")
    texts = {name.split("/")[1]: text for name, text in texts_of(tmp_path / "b.tar.gz").items()}
    assert parts.keys() == texts.keys()
    assert texts["status.json"] == "(there is none)"
    assert texts["log.txt"] == "(there is none)"
    assert "there is no such file" in texts["config.txt"]
    assert "not a database" in texts["decisions.jsonl"]
    assert json.loads(texts["versions.json"])["python"]
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        bundle(tmp_path / "b.tar.gz", tmp_path, config=None, environ={})


def test_words_that_are_no_secrets_stay() -> None:
    scrub = Scrubber(secrets_here({"AUTH": "on", "API_KEY": "abcdef123"}))
    for text in (
        "hhdg299a017fw1te sell 0.833 at 60000.2 on main:BTC/USDT:USDT-261225",
        '2026-01-01T07:40:07.038Z hedger_order_outcomes_total{account="main"} 3',
        "digest 7f27186fa1149073",
        "switched on at /var/lib/hedger/state/paper",
    ):
        assert scrub(text) == text
    assert scrub("x abcdef123 y") == "x ••• y"
