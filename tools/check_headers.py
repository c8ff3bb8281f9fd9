#!/usr/bin/env python3
"""Compiles every header under src/ alone: each includes what it uses. Prints the failures; exits 1 on any."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

FLAGS = ["-std=c++23", "-fsyntax-only", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header",
         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION"]


def failure(compiler, root, header):
    """What the compiler says of a header; asked twice, because a starved compiler is no verdict."""
    return first_failure(compiler, root, header) and first_failure(compiler, root, header)


def first_failure(compiler, root, header):
    done = subprocess.run([compiler, *FLAGS, f"-I{root / 'src'}", str(header)], capture_output=True, text=True)
    return None if done.returncode == 0 else f"{header.relative_to(root)} does not compile alone:\n{done.stderr[:2000]}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    compiler = sys.argv[2] if len(sys.argv) > 2 else "clang++-19"
    headers = sorted((root / "src").rglob("*.hpp"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [each for each in pool.map(lambda header: failure(compiler, root, header), headers) if each]
    print("\n".join(failures) if failures else f"headers: {len(headers)} compile alone")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
