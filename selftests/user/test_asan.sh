#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests of the library with AddressSanitizer and UBSan: no leak and no bad access. Each
# test checks for leaks at its end.
set -u
bin=$VRPMSG_BUILD/asan
export LD_LIBRARY_PATH=$bin/lib
"$bin/selftests/test_lib"
rc=$?

# A leak is found.
if ! "$bin/selftests/leaky" 2>&1 | grep -q "detected memory leaks"; then
	echo "# the leak of selftests/leaky is not found"
	exit 1
fi
exit $rc
