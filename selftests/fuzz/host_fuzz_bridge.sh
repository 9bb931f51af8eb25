#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The short form of fuzz_bridge.sh: vrpmsg-bridge with the inputs of the corpus.
exec "$(dirname "$0")/fuzz_bridge.sh"
