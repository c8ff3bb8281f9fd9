#!/usr/bin/env bash
# The package under a real systemd: a machine of its own in namespaces, whose root is a copy-on-write
# view of this one's and whose first process is systemd. Installs, starts, reloads, hangs, crashes,
# upgrades, stops, removes. Nothing outside of it changes, and it ends with this process. Needs to be root.
#   systemd.sh NEW.deb
# Prints what it has shown; the first thing that does not hold ends it with a status other than 0.
# 77: this machine cannot make such a view.
set -euo pipefail

# Our own group in every hierarchy, so that systemd's are below it: its namespace shows it as the root.
groups() {
  local line kind path folder
  while IFS=: read -r _ kind path; do
    for folder in "/sys/fs/cgroup/${kind#name=}" /sys/fs/cgroup/unified /sys/fs/cgroup; do
      [ -z "$kind" ] || [ "$folder" = "/sys/fs/cgroup/${kind#name=}" ] || continue
      [ -f "$folder$path/cgroup.procs" ] && echo "${folder}${path%/}/updraft-test-$$" && break
    done
  done </proc/self/cgroup
}

if [ "${1:-}" != inside ]; then
  mapfile -t groups < <(groups)
  answer=$(mktemp -d)
  dpkg-deb -R "$1" "$answer/older"  # the same under an older version: what is upgraded
  sed -i 's/^Version: .*/Version: 0.0.1-1/' "$answer/older/DEBIAN/control"
  dpkg-deb -Znone -b "$answer/older" "$answer/old.deb" >/dev/null
  cp "$1" "$answer/new.deb"
  [[ " ${groups[*]} " == */sys/fs/cgroup/systemd/* ]] || {
    echo "skipped: needs the control groups of version 1, with systemd's own hierarchy" >&2
    exit 77
  }
  for group in "${groups[@]}"; do
    mkdir "$group" || exit 77
    for given in cpuset.cpus cpuset.mems; do
      [ ! -f "$group/$given" ] || cat "$(dirname "$group")/$given" >"$group/$given"
    done
  done
  (
    for group in "${groups[@]}"; do
      echo "$BASHPID" >"$group/cgroup.procs"
    done
    exec unshare --mount --pid --fork --kill-child --cgroup --net --uts --ipc --propagation private \
      "$0" inside "$answer"
  ) || true
  cat "$answer/shown" 2>/dev/null || true
  status=$(cat "$answer/status" 2>/dev/null || echo 1)
  [ "$status" = 0 ] || cat "$answer/log" 2>/dev/null || true
  for group in "${groups[@]}"; do
    find "$group" -depth -type d -exec rmdir {} \;
  done
  rm -rf "$answer"
  exit "$status"
fi

answer=$2
cannot() { echo 77 >"$answer/status"; exit 77; }
view=$(mktemp -d)
mount -t tmpfs tmpfs "$view" || cannot  # all of this goes with the namespace
mkdir "$view/upper" "$view/work" "$view/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$view/root" || cannot
root=$view/root
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"  # the kernel is not ours to change
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/run/answer"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full urandom random; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t sysfs -o ro sysfs "$root/sys" || cannot
mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
mkdir "$root/sys/fs/cgroup/systemd"
mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd" || cannot
mount --bind "$answer" "$root/run/answer"
ip link set lo up || cannot
cp "$answer"/*.deb "$root/run"
cp "$(dirname "$0")/systemd_inside.sh" "$root/run/check"
rm -rf "$root/var/lib/updraft" "$root/etc/updraft" "$root"/etc/systemd/system/*.wants
rm -f "$root/usr/sbin/policy-rc.d"  # containers have one, so that packages start nothing
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$root/etc/machine-id"

# Nothing of this machine's own is started: the journal, the bus, and then the check.
cat >"$root/etc/systemd/system/check.service" <<UNIT
[Unit]
DefaultDependencies=no
Requires=systemd-journald.socket dbus.socket
After=systemd-journald.socket dbus.socket
[Service]
Type=oneshot
ExecStart=/run/check
ExecStopPost=/bin/systemctl exit --force --force
UNIT
exec chroot "$root" env -i container=updraft PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=check.service --log-target=null
