"""A sanitizer's report in any process makes the run red (see support/sanitizers.py)."""
import os
import signal

import pytest

from support.sanitizers import STATUS, sanitized
from support.waiting import patient

pytestmark = pytest.mark.skipif(not sanitized(), reason="the program is not instrumented")


def test_a_report_is_seen_even_if_nobody_looks_at_how_the_process_ended(
    private_server, sanitizers_reports
):
    server = private_server()
    os.kill(server.process.pid, signal.SIGSEGV)  # sanitizers report it as they do an error of ours
    assert server.process.wait(patient(10)) == STATUS
    report = sanitizers_reports.new()
    assert "Sanitizer" in report and "SEGV" in report


def test_the_end_of_a_scripts_worker_by_a_report_is_seen(private_server, sanitizers_reports):
    server = private_server()
    with open(server.log_path, "a") as log:
        log.write(f'warn scripts: worker lost package=a calls=1 how="status {STATUS}" timed_out=false\n')
        log.write("half a line")
    assert "worker lost" in sanitizers_reports.new()
    assert sanitizers_reports.new() == ""
