#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests of the library, built with AddressSanitizer and UBSan: no leak, no
# bad access. Each of them looks for leaks when it ends.
set -u
bin=$VRPMSG_BUILD/asan
export LD_LIBRARY_PATH=$bin/lib
"$bin/selftests/test_lib"
rc=$?

# It would find one.
if ! "$bin/selftests/leaky" 2>&1 | grep -q "detected memory leaks"; then
	echo "# the leak of selftests/leaky is not found"
	exit 1
fi
exit $rc
