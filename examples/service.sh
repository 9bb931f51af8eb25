#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Answer the questions of a guest, in shell. It needs no privilege but the file's.
#
# usage: service.sh /dev/vrpmsg/by-name/DEVICE/SERVICE
set -eu
[ -c "$1" ] || { echo "$1: no char device" >&2; exit 1; }
# One reader for all of them: what comes between two readers would be lost. Each
# line is a message, with what is not printable as \xNN.
vrpmsgctl recv "$1" count 0 | while read -r question; do
	case $question in
	time)	answer=$(date +%s) ;;
	host)	answer=$(uname -n) ;;
	*)	answer="what is $question?" ;;
	esac
	vrpmsgctl send "$1" text "$answer"
done
