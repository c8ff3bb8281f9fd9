#!/usr/bin/env bash
# run_fuzzers.sh BUILD SECONDS [NAME...]: runs every fuzzer of a build (or those named) for that long,
# one on each processor, from its seeds in tests/fuzz/corpus and from what earlier runs of this build
# found. An input that breaks something stays in BUILD/findings, is told with the command that repeats
# it, and fails the run: put it into tests/fuzz/findings/NAME and write a unit test. FUZZ_SEED: the
# same choices in every run from the same corpus, so that a find is the change's and not luck's.
set -euo pipefail
build=$(realpath "$1")
seconds=$2
shift 2
cd "$(dirname "$0")/.."
seeds=tests/fuzz
mkdir -p "$build/findings"

run_one() {
  local name=$1 log="$build/findings/$1.log" arguments=()
  local grown="$build/corpus/$name"
  mkdir -p "$grown"
  for folder in "$grown" "$seeds/corpus/$name" "$seeds/findings/$name"; do
    [ -d "$folder" ] && arguments+=("$folder")
  done
  [ -f "$seeds/dictionaries/$name.dict" ] && arguments+=("-dict=$seeds/dictionaries/$name.dict")
  [ -n "${FUZZ_SEED:-}" ] && arguments=("-seed=$FUZZ_SEED" "${arguments[@]}")
  local status=0
  "$build/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=8192 \
    -print_final_stats=1 -artifact_prefix="$build/findings/$name-" "${arguments[@]}" > "$log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    echo "== $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, nothing found"
    return 0
  fi
  echo "== $name: FOUND (exit status $status)"
  grep -v '^#[0-9]' "$log" | tail -n 60
  sed -n 's/^.*Test unit written to //p' "$log" | while read -r input; do
    echo "== repeat with: ${build#"$PWD"/}/tests/fuzz/${name}_fuzz ${input#"$PWD"/}"
  done
  return 1
}
export -f run_one
export build seconds seeds

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for fuzzer in "$build"/tests/fuzz/*_fuzz; do
    names+=("$(basename "$fuzzer" _fuzz)")
  done
fi
printf '%s\n' "${names[@]}" | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'run_one {}'
