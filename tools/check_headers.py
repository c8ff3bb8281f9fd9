#!/usr/bin/env python3
"""Compiles every header under src/ alone: each includes what it uses. Prints the failures; exits 1 on any.

A header that some source file includes before anything else is proven by the build itself and not compiled again."""
import concurrent.futures
import os
import pathlib
import re
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


def proven_by_build(root):
    """The headers that are the first thing a source file includes."""
    proven = set()
    for source in (root / "src").rglob("*.cpp"):
        first = re.search(r'^#include [<"]([^>"]+)[>"]', source.read_text(), re.MULTILINE)
        if first:
            proven.add(root / "src" / first.group(1))
    return proven


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    compiler = sys.argv[2] if len(sys.argv) > 2 else "clang++-19"
    every = sorted((root / "src").rglob("*.hpp"))
    proven = proven_by_build(root)
    headers = [header for header in every if header not in proven]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [each for each in pool.map(lambda header: failure(compiler, root, header), headers) if each]
    print("\n".join(failures) if failures else f"headers: {len(headers)} of {len(every)} compiled alone, the others by the build")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
