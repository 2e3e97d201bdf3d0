"""What the rounds of a campaign come to, in one line at its end."""

from collections import Counter

import pytest

from tests.soak.rounds import Round

_PLAYED = pytest.StashKey[list[Round]]()


@pytest.fixture
def campaign(pytestconfig: pytest.Config) -> list[Round]:
    """Where every round that was played is put."""
    return pytestconfig.stash.setdefault(_PLAYED, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    played = config.stash.get(_PLAYED, [])
    if played:
        terminalreporter.write_line(told(played))


def told(played: list[Round]) -> str:
    """The campaign in a line."""
    done: Counter[str] = sum((round_.done for round_ in played), Counter())
    wrong = [round_.seed for round_ in played if round_.wrong]
    verdict = f"WRONG in seeds {wrong}" if wrong else "nothing lost, doubled, skipped or reordered"
    figures = ", ".join(f"{count:,} {what}" for what, count in sorted(done.items()))
    return (
        f"{len(played):,} rounds in {sum(round_.seconds for round_ in played) / 60:,.0f} min: "
        f"{sum(round_.audit.acknowledged for round_ in played):,} events acknowledged, "
        f"{sum(round_.audit.handed for round_ in played):,} handed over; {figures}; {verdict}"
    )
