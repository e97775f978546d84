"""What holds for every test: hypothesis profiles, and a run that says what it left out and why."""

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# A shell's background job ignores Ctrl-C, and so would the processes that tests start and stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: the machines of CI are shared, and a slow moment is no failure.
settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile(
    "thorough", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


def skip_reason(report: pytest.TestReport) -> str:
    """Why a test was skipped, without the words that pytest puts before it."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last how many tests did not run, by reason: a green run that left half out must not look like a whole one."""
    reasons = Counter(skip_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("left out")
        for reason, times in sorted(reasons.items()):
            terminalreporter.line(f"{times:5} skipped: {reason}")
        without = sum(times for reason, times in reasons.items() if reason.startswith("no file for "))
        terminalreporter.line(f"{without:5} of them for want of a published vocabulary's file")
