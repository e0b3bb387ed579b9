"""Leaving out tests whose outside part is missing, and saying so.

A test that needs such a part carries its mark. Where the part is missing those tests are
deselected, and the summary says in one line what was left out and how to get it. With CI=true
nothing is left out: the tests run, and fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

_PLUGIN = "left-out"


@dataclass(frozen=True)
class Part:
    """Something outside that tests need.

    :param mark: the pytest mark that those tests carry.
    :param missing: asked once: why the part cannot be used, or None where it can.
    :param how: how to get it, for the summary.
    """

    mark: str
    missing: Callable[[], str | None]
    how: str


@dataclass
class LeftOut:
    """The parts that were named, and what was left out for want of them."""

    parts: dict[str, Part] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if os.environ.get("CI") == "true":
            return
        for part in self.parts.values():
            needing = [item for item in items if item.get_closest_marker(part.mark)]
            reason = part.missing() if needing else None
            if reason is not None:
                config.hook.pytest_deselected(items=needing)
                items[:] = [item for item in items if item not in set(needing)]
                self.lines.append(f"{len(needing)} {part.mark} tests: {reason}; {part.how}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.lines:
            terminalreporter.write_line(f"LEFT OUT {line}", yellow=True)


def needs(config: pytest.Config, part: Part) -> None:
    """Names a part; to be called from `pytest_configure` of a conftest."""
    plugin = config.pluginmanager.get_plugin(_PLUGIN)
    if plugin is None:
        plugin = LeftOut()
        config.pluginmanager.register(plugin, _PLUGIN)
    plugin.parts.setdefault(part.mark, part)
