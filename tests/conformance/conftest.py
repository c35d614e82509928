"""Collects what LiteRT rejects, so that nothing is passed over in silence."""
from __future__ import annotations

import pytest

REJECTED: list = []  # (case, LiteRT's reason)
ACCEPTED: list = []
TIED: list = []  # cases whose result in LiteRT rests on a tie


@pytest.fixture(scope="session")
def rejected() -> list:
    return REJECTED


@pytest.fixture(scope="session")
def accepted() -> list:
    return ACCEPTED


@pytest.fixture(scope="session")
def tied() -> list:
    return TIED


def pytest_terminal_summary(terminalreporter):
    if not REJECTED and not ACCEPTED:
        return
    terminalreporter.section("cases LiteRT itself rejects")
    for name, reason in REJECTED:
        terminalreporter.write_line(f"{name}: {reason}")
    total = len(REJECTED) + len(ACCEPTED)
    terminalreporter.write_line(f"{len(ACCEPTED)} of {total} cases accepted by LiteRT")
