"""The bots that tests share; each test has a pair of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.rig import Rig, running_rig

#: One per test of the shared futures bot.
FUTURES = (
    *("GROW", "SHRINK", "GONE", "FOUND", "SHORT", "FLIP", "MOVED", "OTHER", "LATE", "AWAY"),
    *(
        "MARKED",
        "ENTER",
        "ADJUST",
        "FORCE",
        "FORCED",
        "DIRECT",
        "WHOLE",
        "LOST",
        "RELOAD",
        "REST",
        "SIGN",
        "EMPTY",
    ),
    *("PART", "PAST", "BUSY", "WIPED", "STOP", "KEPT", "ENDED", "OLDER"),
)

#: Lets a test send an entry past everything but the exchange object itself.
_DIRECT_ENTRY = """
    def bot_loop_start(self, current_time, **kwargs):
        path = Path(self.config["user_data_dir"]) / "direct.json"
        if path.exists():
            pair = json.loads(path.read_text())
            path.unlink()
            bot = self.dp._DataProvider__rpc._rpc._freqtrade
            try:
                answer = str(bot.execute_entry(pair, 5_000_000.1, mode="replace"))
            except Exception as error:
                answer = repr(error)
            (path.parent / "direct.answer").write_text(answer)
"""


@pytest.fixture(scope="package")
def futures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A guarded futures bot that all tests of this folder share."""
    directory = tmp_path_factory.mktemp("futures")
    with running_rig(directory, "futures", FUTURES, extra=_DIRECT_ENTRY) as rig:
        yield rig
