#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package with dpkg itself, in a copy-on-write view of this
# machine's root that ends with this process: nothing outside of it changes. Needs to be root.
#   install.sh OLD.deb NEW.deb
# Prints what it has shown; the first thing that does not hold ends it with a status other than 0.
# 77: this machine cannot make such a view.
set -euo pipefail
if [ "${1:-}" != inside ]; then
  exec unshare --mount --pid --fork --kill-child --propagation private "$0" inside "$@"
fi
old=$2 new=$3
view=$(mktemp -d)
mount -t tmpfs tmpfs "$view" || exit 77
trap 'umount -R -l "$view"; rmdir "$view"' EXIT
mkdir "$view/upper" "$view/work" "$view/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$view/root" || exit 77
root=$view/root
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero urandom random; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
cp "$old" "$root/tmp/old.deb"
cp "$new" "$root/tmp/new.deb"
rm -rf "$root/var/lib/updraft" "$root/etc/updraft"
rm -f "$root/var/lib/man-db/auto-update"  # an index of all manual pages at each step is not the point

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
shown() { echo "shown: $*"; }
wanted="$root/etc/systemd/system/multi-user.target.wants/updraft.service"

# Starts the service's own command as its user, as systemd would; sets `http` and `pid`.
start() {
  install -d -m 0700 -o "$(inside id -u updraft)" -g "$(inside id -g updraft)" "$root/var/lib/updraft"
  # No function in between: each of these becomes the next, so that $! is the server itself.
  chroot "$root" env -i PATH=/usr/bin:/bin UPDRAFT_ADMIN_PASSWORD='correct horse battery staple' \
    setpriv --reuid updraft --regid updraft --init-groups --no-new-privs --inh-caps=-all \
    /usr/bin/updraft serve --config /etc/updraft/updraft.toml >"$root/tmp/ready" 2>"$root/tmp/log" &
  pid=$!
  for _ in $(seq 200); do
    [ -s "$root/tmp/ready" ] && break
    kill -0 "$pid" 2>/dev/null || { cat "$root/tmp/log"; exit 1; }
    sleep 0.1
  done
  http=$(sed -E 's/.*"http":"([^"]*)".*/\1/' "$root/tmp/ready")
  curl -sSf "http://$http/readyz" >/dev/null
}
stop() {
  kill -TERM "$pid"
  wait "$pid"
  : >"$root/tmp/ready"
}
sign_in() {
  curl -sSf -H 'Content-Type: application/json' "http://$http/api/authorize/login" \
    -d '{"username":"admin","password":"correct horse battery staple"}' | sed -E 's/.*"token":"([0-9a-f]{32})".*/\1/'
}

inside dpkg -i /tmp/old.deb >/dev/null
inside getent passwd updraft | grep -q ':/var/lib/updraft:/usr/sbin/nologin$'
test -L "$wanted"
shown "installs: the user is there, the unit is enabled"

sed -i 's/^listen = .*/listen = "127.0.0.1:0"/; s/^mqtt_listen = .*/mqtt_listen = "127.0.0.1:0"/' \
  "$root/etc/updraft/updraft.toml"
start
token=$(sign_in)
curl -sSf -H "X-Access-Token: $token" -H 'Content-Type: application/json' "http://$http/api/role" \
  -d '{"name":"made before the upgrade","grants":[]}' >/dev/null
stop
test "$(stat -c %u "$root/var/lib/updraft/updraft.db")" = "$(inside id -u updraft)"
shown "runs as its user with the packaged configuration"

inside dpkg --force-confold -i /tmp/new.deb >/dev/null
grep -q '^listen = "127.0.0.1:0"' "$root/etc/updraft/updraft.toml"
test -L "$wanted"
start
token=$(sign_in)
curl -sSf -H "X-Access-Token: $token" -H 'Content-Type: application/json' "http://$http/api/role/_query" -d '{}' |
  grep -q 'made before the upgrade'
stop
shown "upgrades: configuration and data are kept"

inside dpkg -r updraft >/dev/null
test ! -e "$root/usr/bin/updraft"
test ! -e "$root/lib/systemd/system/updraft.service"
test -s "$root/etc/updraft/updraft.toml"
test -s "$root/var/lib/updraft/updraft.db"
shown "removes: the program is gone, configuration and data are kept"

inside dpkg -i /tmp/new.deb >/dev/null
start
sign_in | grep -qE '^[0-9a-f]{32}$'
stop
shown "installs again over what was kept"

inside dpkg --purge updraft >/dev/null
left=$(find "$root/etc" "$root/var/lib/updraft" "$root/usr/share/doc/updraft" "$root/var/lib/systemd" \
  -name '*updraft*' 2>/dev/null | grep -v '/dpkg/' || true)
test -z "$left" || { echo "left behind: $left"; exit 1; }
inside dpkg --audit
shown "purges: nothing is left"
