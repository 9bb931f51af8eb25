#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Answer questions of a guest, in shell. It only needs permission to open the file.
#
# usage: service.sh /dev/vrpmsg/by-name/DEVICE/SERVICE
#
# It ends only if the reader does, and with its status. Not every sh has pipefail.
set -euo pipefail
[ -c "$1" ] || { echo "$1: no char device" >&2; exit 1; }
# Use one reader for all messages: those between two readers would be dropped. Each line
# is a message, with bytes that are not printable as \xNN.
vrpmsgctl recv "$1" count 0 | while read -r question; do
	case $question in
	time)	answer=$(date +%s) ;;
	host)	answer=$(uname -n) ;;
	*)	answer="what is $question?" ;;
	esac
	# It may be too long, or the guest that asked was reset meanwhile.
	vrpmsgctl send "$1" text "$answer" || :
done
