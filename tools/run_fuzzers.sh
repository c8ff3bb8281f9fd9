#!/usr/bin/env bash
# run_fuzzers.sh BUILD SECONDS: runs every fuzzer of a build for that long, from its seeds in
# tests/fuzz/corpus. What it finds stays in BUILD/findings and becomes a unit test.
set -euo pipefail
build=$1
seconds=$2
seeds=$(dirname "$0")/../tests/fuzz/corpus
mkdir -p "$build/findings"
for fuzzer in "$build"/tests/fuzz/*_fuzz; do
  name=$(basename "$fuzzer" _fuzz)
  grown="$build/corpus/$name"
  mkdir -p "$grown"
  corpora=("$grown")
  [ -d "$seeds/$name" ] && corpora+=("$seeds/$name")
  echo "== $name, $seconds s"
  "$fuzzer" -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$build/findings/$name-" "${corpora[@]}"
done
