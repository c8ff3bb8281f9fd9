#!/usr/bin/env bash
# Installs from Debian 12 what building, running and testing Updraft needs, and a newer Node.js into the
# build tree. Does nothing, and needs no network, when everything is there already. Run as root or with sudo.
set -euo pipefail

packages=(
  # compiler and build
  clang-19 lld-19 libclang-rt-19-dev llvm-19 clang-format-19 clang-tidy-19
  cmake ninja-build ccache make git ca-certificates pkg-config
  # libraries
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libboost-system1.81-dev
  libssl-dev libsqlite3-dev libargon2-dev libfmt-dev libspdlog-dev
  libtomlplusplus-dev libcli11-dev prometheus-cpp-dev zlib1g-dev libcurl4-openssl-dev
  liblua5.4-dev libseccomp-dev
  # tests: libraries and real peers
  libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev
  mosquitto mosquitto-clients curl openssl
  swupdate cpio util-linux
  python3 python3-paho-mqtt python3-jsonschema python3-yaml python3-websocket python3-pytest
  python3-pytest-xdist
  # the console's tests: a browser, and a font that has Chinese
  chromium fonts-noto-cjk
  # benchmarks: yardsticks and load
  nginx-light wrk
)
# Whoever has npm has a Node.js of their own, which may be newer than Debian's.
command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  "$(dirname "$0")/install_node.sh" >/dev/null
  exit
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run as root or install sudo: needed packages: ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing from Debian: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A freshly installed broker or web server must not start itself: policy-rc.d forbids it for this run only.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  made_policy=yes
fi
trap '[ "$made_policy" = yes ] && "${sudo[@]}" rm -f "$policy"' EXIT
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
"$(dirname "$0")/install_node.sh" >/dev/null
