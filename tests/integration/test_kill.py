"""kill -9 under load: what was acknowledged is there afterwards, the rest adds up, nothing is stuck.

25 rounds in parts of five, each part on a data folder of its own; UPDRAFT_KILL_SEED repeats a run's
choices. `make kill ROUNDS=1000` runs any number and sums up (kill.py)."""
import os
import random

import pytest

from support.kill_rounds import Part, Tally
from support.waiting import patient

PARTS, ROUNDS = 5, 5
READY_SECONDS = 2  # design 4
SEED = int(os.environ.get("UPDRAFT_KILL_SEED", random.SystemRandom().randrange(1_000_000)))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_any_moment_loses_nothing_acknowledged(part, tmp_path):
    print(f"UPDRAFT_KILL_SEED={SEED}")
    tally = Tally()
    Part(tmp_path, SEED + part, ROUNDS, tally).run()
    print(tally.summary())
    assert tally.at(0.5) < patient(READY_SECONDS)  # one slow start may be the machine's doing
