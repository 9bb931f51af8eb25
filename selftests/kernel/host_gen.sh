#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The committed uAPI header, policies and operation table match the YNL spec, and a
# difference is reported. The kernel's own tool reads the spec.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export YNL=$VRPMSG_SOURCE
# The generator needs a YAML module that another python3 may lack.
PATH=/usr/bin:$PATH
failed=0

echo "TAP version 13"
echo "1..4"
if "$top/docs/netlink/gen" --check >"$copy/out" 2>&1; then
	echo "ok 1 generated files are those of the spec"
else
	sed 's/^/# /' "$copy/out"
	echo "not ok 1 generated files are those of the spec"
	failed=1
fi

cp -r "$top/docs" "$top/kernel" "$top/uapi" "$copy/"
drifts()
{
	! "$copy/docs/netlink/gen" --check >"$copy/out" 2>&1 &&
		grep -q "$1" "$copy/out"
}

sed -i 's/max: 0x4000000$/max: 0x4000001/' "$copy/docs/netlink/specs/vhost_rpmsg.yaml"
if drifts 67108865; then
	echo "ok 2 a changed spec is noticed"
else
	sed 's/^/# /' "$copy/out"
	echo "not ok 2 a changed spec is noticed"
	failed=1
fi

cp "$top"/docs/netlink/specs/*.yaml "$copy/docs/netlink/specs/"
sed -i 's/VHOST_RPMSG_A_EPT_EVENT,/&\n\tVHOST_RPMSG_A_EPT_MORE,/' \
	"$copy/uapi/linux/vhost_rpmsg_netlink.h"
if drifts VHOST_RPMSG_A_EPT_MORE; then
	echo "ok 3 a changed header is noticed"
else
	sed 's/^/# /' "$copy/out"
	echo "not ok 3 a changed header is noticed"
	failed=1
fi

# The command of the document gets as far as the kernel, which may lack the module.
command=$(sed -n '/cli\.py/s/^    //p' "$top/docs/netlink.md")
if (cd "$VRPMSG_SOURCE" && CLONE=$top PYTHONDONTWRITEBYTECODE=1 \
	bash -c "${command:-false}") >"$copy/out" 2>&1 ||
   grep -qE "not (supported by the kernel|permitted)" "$copy/out"; then
	echo "ok 4 the kernel's tool reads the spec"
else
	sed 's/^/# /' "$copy/out"
	echo "not ok 4 the kernel's tool reads the spec"
	failed=1
fi
exit $failed
