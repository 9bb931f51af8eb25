#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Test the scripts that decide whether a run has failed: the check of the kernel's log,
# and counting.
exec python3 "$(dirname "$0")/verdict_test.py"
