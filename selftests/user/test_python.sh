#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python package, with a guest.
if ! /usr/bin/python3 -c 'import _cffi_backend' 2>/dev/null; then
	echo "1..0 # SKIP there is no cffi"
	exit 0
fi
export PYTHONPATH=$VRPMSG_BUILD/user/python PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$(dirname "$0")/python_test.py"
