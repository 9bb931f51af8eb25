#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A few seconds of the hostile guest; make check-debug has the long run.
exec "$VRPMSG_BUILD/user/selftests/fuzz_guest"
