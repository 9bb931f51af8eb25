#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A request for the family loads the module, as with an installed one. The kernel calls a
# script of this test, which knows the aliases of the module. VRPMSG_KO is the module; it
# is loaded at the end.
# shellcheck disable=SC2317	# functions are called through check
set -u
tmp=$(mktemp -d)
# Helpers of the kernel run in the root of the first process.
helper=/modprobe.$$
outside=/proc/1/root$helper
before=$(</proc/sys/kernel/modprobe)

cleanup()
{
	echo "$before" >/proc/sys/kernel/modprobe
	vrpmsgctl dev del autoload 2>/dev/null
	[[ -d /sys/module/vhost_rpmsg ]] || insmod "$VRPMSG_KO"
	rm -rf "$tmp" "$outside"*
}
trap cleanup EXIT

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

loads()
{
	vrpmsgctl "$@" >"$tmp/out" || return
	[[ -d /sys/module/vhost_rpmsg ]] || echo "the module is not loaded"
	grep -q vhost_rpmsg "$outside.asked" || echo "nobody asked for it"
}

# A user without privileges triggers the load, and is then refused.
not_there()
{
	modinfo -F alias "$VRPMSG_KO" | grep -v '^net-pf-' >"$outside.aliases"
	vrpmsgctl dev show >"$tmp/out" 2>&1 && echo "it succeeds"
	[[ ! -d /sys/module/vhost_rpmsg ]] || echo "the module is loaded"
}

echo "TAP version 13"
echo "1..3"
rmmod vhost_rpmsg_kclient 2>/dev/null
rmmod vhost_rpmsg || exit
cp "$VRPMSG_KO" "$outside.ko"
modinfo -F alias "$VRPMSG_KO" >"$outside.aliases"
cat >"$outside" <<END
#!/bin/busybox sh
for name; do
	echo "\$name" >>$helper.asked
	if /bin/busybox grep -qxF "\$name" $helper.aliases; then
		/bin/busybox insmod $helper.ko
	fi
done
END
chmod +x "$outside"
echo $helper >/proc/sys/kernel/modprobe

check "vrpmsgctl dev add loads the module" loads dev add autoload
vrpmsgctl dev del autoload
rmmod vhost_rpmsg
check "and so does vrpmsgctl dev show" loads dev show
rmmod vhost_rpmsg
check "without that alias it would not be loaded" not_there
exit $failed
