"""Any number of kill -9 (test_kill.py), with a summary: kill.py [--rounds 1000] [--seed N]."""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

from support.kill_rounds import Part, Tally

ROUNDS_A_FOLDER = 20
READY_SECONDS = 2  # design 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    print(
        f"seed {options.seed}: the choices of the same run again, not its every moment", flush=True
    )
    tally, part, began = Tally(), 0, time.monotonic()
    while tally.rounds < options.rounds:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="updraft-kill-"))
        rounds = min(ROUNDS_A_FOLDER, options.rounds - tally.rounds)
        try:
            Part(folder, options.seed + part, rounds, tally).run()
        except BaseException:
            print(f"failed in part {part} (seed {options.seed + part}); all is kept in {folder}")
            raise
        shutil.rmtree(folder)
        part += 1
        took = time.monotonic() - began
        print(f"{tally.rounds} of {options.rounds} rounds, {took:.0f} s", flush=True)
    print(tally.summary())
    slow = tally.at(0.99) >= READY_SECONDS
    print(f"target: ready within {READY_SECONDS} s: {'missed' if slow else 'met'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
