#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The units of vrpmsg-bridge, with a systemd in a PID namespace. A drop-in says who may
# connect to a socket, also after the bridge of another device has started.
# shellcheck disable=SC2317	# functions are called through succeeds
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
systemd=/lib/systemd/systemd
if [[ ! -x $systemd ]]; then
	echo "1..0 # SKIP there is no systemd"
	exit 0
fi
tmp=$(mktemp -d)
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

folder=/run/systemd/system
cleanup()
{
	[[ ! $pid ]] || kill "$pid"
	vrpmsgctl dev del one
	vrpmsgctl dev del two
	rm -rf "$tmp" "$folder"/vrpmsg-bridge@* "$folder/bridges.target" /run/vrpmsg
}
pid=
trap cleanup EXIT

# The unit does not see /tmp and /home, where the build may be. The VM forgets this file.
install -D -t /usr/local/sbin "$VRPMSG_BUILD/user/bin/vrpmsg-bridge"

# Nothing else of this machine is to start, or to be waited for.
mkdir -p $folder/vrpmsg-bridge@two.socket.d
for kind in service socket; do
	sed -e '/^Wants=/d; /^After=/d' -e 's/^\[Unit\]/&\nDefaultDependencies=no/' \
		"${UNITS:-$top/tools/vrpmsg-bridge}/vrpmsg-bridge@.$kind" \
		>"$folder/vrpmsg-bridge@.$kind"
done
cat >$folder/vrpmsg-bridge@two.socket.d/owner.conf <<END
[Socket]
SocketUser=nobody
SocketGroup=nogroup
SocketMode=0600
END
cat >$folder/bridges.target <<END
[Unit]
DefaultDependencies=no
Wants=vrpmsg-bridge@one.socket vrpmsg-bridge@two.socket
END
groupadd -f -r kvm
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
vrpmsgctl dev add one >"$tmp/why"
vrpmsgctl dev add two >"$tmp/why"
unshare --fork --kill-child --pid --mount --uts --cgroup --mount-proc \
	env -i container=lxc PATH="$PATH" $systemd --system \
	--unit=bridges.target --show-status=no --log-target=kmsg &
pid=$!

# In emulation systemd takes a while.
sockets()
{
	local i

	for ((i = 0; i < 1000; i++)); do
		[[ -S /run/vrpmsg/one.sock && -S /run/vrpmsg/two.sock ]] && return
		sleep 0.1
	done
	return 1
}

# GET_FEATURES
serves()
{
	/usr/bin/python3 - "/run/vrpmsg/$1.sock" <<-'END'
		import socket, struct, sys
		sock = socket.socket(socket.AF_UNIX)
		sock.settimeout(60)
		sock.connect(sys.argv[1])
		sock.send(struct.pack("III", 1, 1, 0))
		sys.exit(len(sock.recv(20)) != 20)
	END
}

# Other modules may have got the number of the device file before the module was loaded
# again, so the file has another one than when the bridge was started.
device=/dev/vhost-rpmsg
read -r major minor < <(stat -c '0x%t 0x%T' $device)
another_number()
{
	rm $device
	mknod $device c "$major" $((minor + 1))
	serves two 2>"$tmp/why"
	rm $device
	mknod -m 600 $device c "$major" $((minor))
}

echo "TAP version 13"
succeeds "systemd makes the sockets" sockets
expect "for whom a drop-in says" 0 "^nobody:nogroup 600$" "" \
	stat -c '%U:%G %a' /run/vrpmsg/two.sock
succeeds "it starts a bridge" serves one
expect "which changes no other socket" 0 "^nobody:nogroup 600$" "" \
	stat -c '%U:%G %a' /run/vrpmsg/two.sock
expect "nor its own" 0 "^root:kvm 660$" "" \
	stat -c '%U:%G %a' /run/vrpmsg/one.sock
another_number
# The first attempt ends the bridge.
succeeds "a device file with another number" wait_for serves two
# What systemd says of it.
((!failed)) || dmesg | grep -F "systemd[1]:" | tail -n 60 | sed 's/^/# /'
echo "1..$number"
exit $failed
