#!/usr/bin/env bash
# What systemd.sh has systemd run: the life of the service, looked at through systemctl.
exec >/run/answer/log 2>&1
set -xeuo pipefail
finish() {
  status=$?
  [ "$status" = 0 ] || { systemctl --no-pager status updraft; journalctl --no-pager | tail -n 60; }
  echo "$status" >/run/answer/status
}
trap finish EXIT
export DEBIAN_FRONTEND=noninteractive
shown() { echo "shown: $*" >>/run/answer/shown; }
property() { systemctl show updraft --value -p "$1"; }
until_() {  # until_ SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}
is_ready() { curl -sSf "http://127.0.0.1:8848/readyz" >/dev/null 2>&1; }

dpkg --unpack /run/old.deb
echo 'UPDRAFT_ADMIN_PASSWORD=correct horse battery staple' >/etc/updraft/environment
chmod 0600 /etc/updraft/environment
dpkg --configure updraft  # starts it
until_ 30 is_ready
systemctl restart updraft  # returns only once the server has said READY=1
[ "$(property ActiveState)/$(property SubState)" = active/running ]
is_ready
[ "$(property StatusText)" != "" ]
shown "starts: $(property StatusText)"

pid=$(property MainPID)
[ "$(stat -c %U "/proc/$pid")" = updraft ]
[ "$(stat -c %U:%a /var/lib/updraft)" = updraft:700 ]
grep -q '^NoNewPrivs:[[:space:]]*1' "/proc/$pid/status"
grep -q '^Seccomp:[[:space:]]*2' "/proc/$pid/status"
grep -q '^CapEff:[[:space:]]*0000000000000400' "/proc/$pid/status"  # to bind ports below 1024
descriptors() { awk '/^Max open files/ {print $5}' "/proc/$1/limits"; }
[ "$(descriptors "$pid")" = 1048576 ] || [ "$(descriptors "$pid")" = "$(descriptors 1)" ]  # or all there are
shown "is confined: its user, no new privileges, seccomp, one capability"

token=$(curl -sSf -H 'Content-Type: application/json' http://127.0.0.1:8848/api/authorize/login \
  -d '{"username":"admin","password":"correct horse battery staple"}' | sed -E 's/.*"token":"([0-9a-f]{32})".*/\1/')
ask() { curl -sSf -H "X-Access-Token: $token" -H 'Content-Type: application/json' "http://127.0.0.1:8848/api$1" "${@:2}"; }
script='return { transports = {"MQTT"}, decode = function(context) return {} end }'
ask /protocol/script/_check -d "{\"script\":\"$(printf %s "$script" | sed 's/"/\\"/g')\"}" | grep -q '"MQTT"'
shown "runs protocol scripts: their process can confine itself further"
ask /role -d '{"name":"made before the upgrade","grants":[]}' >/dev/null
systemd-analyze security updraft.service --no-pager | tail -n 1 >/run/answer/exposure
shown "exposure: $(sed -E 's/.*: ([0-9.]+ [A-Z]+).*/\1/' /run/answer/exposure)"

if [ "$(property CanReload)" = yes ]; then
  systemctl reload updraft
  [ "$(property MainPID)" = "$pid" ]
  is_ready
  shown "reloads: the same process goes on"
fi

# The event loops stop, as in a deadlock: the watchdog ends the server and starts another.
mkdir -p /run/systemd/system/updraft.service.d
printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/updraft.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart updraft
pid=$(property MainPID)
until_ 5 test "$(property WatchdogTimestampMonotonic)" -gt 0
sleep 5
[ "$(property MainPID)" = "$pid" ]  # two watchdog times have passed: it is told that all is well
kill -STOP "$pid"
until_ 60 bash -c '[ "$(systemctl show updraft --value -p NRestarts)" = 1 ]'
until_ 30 is_ready
[ "$(property MainPID)" != "$pid" ]
rm -r /run/systemd/system/updraft.service.d
systemctl daemon-reload
shown "watchdog: a server that hangs is replaced"

kill -KILL "$(property MainPID)"
until_ 30 bash -c '[ "$(systemctl show updraft --value -p NRestarts)" = 2 ]'
until_ 30 is_ready
shown "restarts after a crash"

pid=$(property MainPID)
dpkg --force-confold -i /run/new.deb
until_ 30 is_ready
[ "$(property MainPID)" != "$pid" ]
token=$(curl -sSf -H 'Content-Type: application/json' http://127.0.0.1:8848/api/authorize/login \
  -d '{"username":"admin","password":"correct horse battery staple"}' | sed -E 's/.*"token":"([0-9a-f]{32})".*/\1/')
ask /role/_query -d '{}' | grep -q 'made before the upgrade'
shown "upgrades: restarted, and the data is kept"

systemctl stop updraft
[ "$(property ActiveState)/$(property Result)" = inactive/success ]
shown "stops: $(property Result)"
systemctl start updraft
is_ready

dpkg -r updraft
[ "$(systemctl is-active updraft)" != active ]
! is_ready
test -s /var/lib/updraft/updraft.db
shown "removes: stopped, and the data is kept"
