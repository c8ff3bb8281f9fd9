#!/usr/bin/env bash
# Builds the web console or looks after it. Nothing is repeated when nothing has changed.
#
#   build_console.sh build   web/dist
#   build_console.sh check   generated client, types, lint, unit tests, and the size of web/dist
#   build_console.sh run NPM-SCRIPT [ARGUMENT...]   any script of web/package.json
set -euo pipefail
cd "$(dirname "$0")/.."
# A variable assigned alone keeps the exit status of what it is assigned from.
node_folder=$(tools/install_node.sh)
export PATH=$node_folder:$PATH

digest_of() { sort -z | xargs -0 sha256sum | { cat; node --version; } | sha256sum; }
sources() {
  find web \( -name node_modules -o -name dist -o -name failures \) -prune -o -type f -print0
  printf 'api/openapi.yaml\0'
}

# once STAMP DIGEST NAME COMMAND...: runs the command unless the stamp says that it went well for this digest.
once() {
  local stamp=$1 digest=$2 name=$3
  shift 3
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$digest" ] && return
  rm -f "$stamp"
  echo "console: $name" >&2
  "$@" || { echo "console: $name failed" >&2; exit 1; }
  mkdir -p "$(dirname "$stamp")"
  echo "$digest" >"$stamp"
}

npm_in_web() { (cd web && npm --no-update-notifier "$@"); }
npm_quietly() {
  local log=build/console.log
  mkdir -p build
  npm_in_web "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

install() {
  once web/node_modules/.updraft "$(printf 'web/package-lock.json\0' | digest_of)" \
    "install the packages (npm ci)" npm_quietly ci --ignore-scripts --no-audit --no-fund
}
build() {
  once web/dist/.updraft "$(sources | digest_of)" "build" npm_quietly run build
}
all_checks() {
  npm_in_web run --silent check:api && npm_in_web run --silent typecheck && npm_quietly run lint &&
    npm_in_web run --silent test && npm_in_web run --silent check:size
}

case ${1:-} in
  build) install; build ;;
  check) install; build; once build/console.checked "$(sources | digest_of)" "check" all_checks ;;
  run) shift; install; build; npm_in_web run --silent "$@" ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
