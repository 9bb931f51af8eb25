# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Examples of manual pages. Source this.

# extract PAGE: print the first .EX of the examples as text.
extract()
{
	sed -n '/^\.SH EXAMPLES\?/,/^\.EE/{/^\.EX/,/^\.EE/{/^\.E[XE]/!p}}' \
		"$1" | sed -e 's/\\e/\\/g' -e 's/\\-/-/g' -e 's/\\&//g'
}
