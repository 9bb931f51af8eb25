#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The gate of vm/check: what fails a run in a kernel's log, and what does not.
set -u
# shellcheck source=vm/lib.sh
. "$(dirname "$0")/vm/lib.sh"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
number=0 failed=0

# One line that must, or must not, fail a run.
try()
{
	local expected=$1 line=$2 got=fine

	printf '%s\n' "[    1.0] Linux version 6.12" "[    2.0] $line" \
		"[    3.0] test: test_ring" >"$log"
	bad_log_lines "$log" >/dev/null && got=bad
	((++number))
	if [[ $got == "$expected" ]]; then
		echo "ok $number $expected: $line"
	else
		echo "not ok $number $expected: $line"
		failed=1
	fi
}

echo "TAP version 13"
try bad "WARNING: CPU: 0 PID: 12 at drivers/vhost/vhost.c:271 vhost_poll_start"
try bad "BUG: kernel NULL pointer dereference, address: 0000000000000008"
try bad "BUG: KASAN: slab-use-after-free in ept_get+0x10/0x20 [vhost_rpmsg]"
try bad "Oops: 0000 [#1] PREEMPT SMP"
try bad "general protection fault, probably for non-canonical address"
try bad "WARNING: possible circular locking dependency detected"
try bad "WARNING: suspicious RCU usage"
try bad "INFO: task vhost-12:13 blocked for more than 120 seconds."
try bad "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [vhost-12:13]"
try bad "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"
try bad "refcount_t: underflow; use-after-free."
try bad "list_del corruption. prev->next should be"
try bad "BUG vhost_rpmsg_msg (Tainted: G): Objects remaining in vhost_rpmsg_msg"
try bad "BUG: sleeping function called from invalid context at mm/slab.h:1"
try bad "UBSAN: array-index-out-of-bounds in rings.c:1:2"
try bad "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)"
try bad "Kernel panic - not syncing: Attempted to kill init!"
try bad "Call Trace:"
try fine "vhost_rpmsg: loading out-of-tree module taints kernel."
try fine "vhost_rpmsg: module verification failed: signature missing"
try fine "vhost_rpmsg lib: bad ring entry of the guest"
try fine "kmemleak: 0 new suspected memory leaks"
try fine "debug: a bug in a text is not one"
: >"$log"
((++number))
if bad_log_lines "$log" >/dev/null; then
	echo "not ok $number an empty log is fine"
	failed=1
else
	echo "ok $number an empty log is fine"
fi
echo "1..$number"
exit $failed
