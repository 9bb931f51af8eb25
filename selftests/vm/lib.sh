# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts in this folder share. Sourced, with `set -euo pipefail` on.

# shellcheck disable=SC2034	# used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$top/build}
cache=${VRPMSG_CACHE:-${HOME:-/root}/.cache/vhost-rpmsg}
all_series="6.1 6.12"

# Progress goes to stderr, results to stdout.
say()
{
	echo "== $*" >&2
}

die()
{
	echo "error: $*" >&2
	exit 1
}

# Run a command whose output only matters when it fails: quietly LOG COMMAND...
quietly()
{
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "failed: $* (all of it is in $log)"
	fi
}

as_root()
{
	if [[ $(id -u) == 0 ]]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Install what is missing of the packages; says nothing when nothing is.
need_packages()
{
	local missing=() p

	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || missing+=("$p")
	done
	((${#missing[@]})) || return 0
	say "installing ${missing[*]}"
	as_root apt-get update -qq
	quietly "$build/log/packages" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The packages that building and testing need.
need_build_packages()
{
	need_packages build-essential gcc-12 pkg-config libnl-3-dev \
		libnl-genl-3-dev libjson-c-dev liburing-dev libelf-dev bc bison flex \
		libssl-dev rsync cpio kmod xz-utils busybox-static \
		qemu-system-x86 python3 python3-yaml python3-jsonschema \
		mandoc debootstrap pahole sparse
}

# One user of the cache at a time: with_lock NAME COMMAND...
with_lock()
{
	local lock=$cache/$1.lock
	shift
	mkdir -p "$cache"
	(
		flock 9
		"$@"
	) 9>"$lock"
}

# apt with a configuration of its own, in the cache, that knows other suites
# than the machine's: the mirrors are those that the machine uses.
private_apt()
{
	local tool=$1
	shift
	"$tool" -o Dir="$cache/apt" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::status="$cache/apt/status" \
		-o Dir::Etc::Trusted=/usr/share/keyrings/debian-archive-keyring.gpg \
		-o Dir::Etc::TrustedParts=/etc/apt/trusted.gpg.d \
		-o APT::Sandbox::User=root "$@"
}

# Where the machine has Debian from: the URI whose releases match the pattern.
mirror_of()
{
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' |
		awk -v p="$1" '$1 ~ p { print $2; exit }'
}

setup_private_apt()
{
	local apt=$cache/apt main security suite

	# Lists of another day may name packages that are gone.
	if [[ -n $(find "$apt/updated" -mmin -600 2>/dev/null) ]]; then
		return
	fi
	main=$(mirror_of '^(bookworm|stable|trixie)$')
	[[ -n $main ]] || die "apt knows no Debian mirror; run apt-get update"
	security=$(mirror_of -security)
	say "reading package lists"
	mkdir -p "$apt"/{etc/apt/{preferences,apt.conf,trusted.gpg}.d,var/lib/apt/lists/partial,var/cache/apt/archives/partial}
	touch "$apt/status"
	{
		for suite in bookworm bookworm-backports trixie \
			     trixie-backports; do
			echo "deb [arch=amd64] $main $suite main"
		done
		# A machine without it may still have it beside the main one.
		for suite in bookworm-security trixie-security; do
			[[ -z $security ]] ||
				echo "deb [arch=amd64] $security $suite main"
		done
	} >"$apt/etc/apt/sources.list"
	quietly "$build/log/apt" private_apt apt-get update -qq
	touch "$apt/updated"
}

# Download packages, NAME or NAME=VERSION, into a folder and unpack them there.
unpack_packages()
{
	local dir=$1 tmp deb
	shift
	mkdir -p "$dir"
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	(
		cd "$tmp"
		quietly "$build/log/download" private_apt apt-get download -qq "$@"
	)
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -rf "$tmp"
}

# Folder of a kernel in the cache; what is in it is said in vm/fetch.
kernel_dir()
{
	echo "$cache/kernel/$1"
}

# Lines of a kernel log that fail a run, with some of what follows. Returns 1
# when there are none.
bad_log_lines()
{
	grep -aE -A25 -e 'WARNING: |BUG: |BUG |Oops|general protection fault' \
		-e 'KASAN|KCSAN|UBSAN|kmemleak: [1-9]|INFO: task .* blocked' \
		-e 'possible (recursive|circular|irq lock)|inconsistent lock' \
		-e 'suspicious RCU usage|rcu: INFO|soft lockup|hard LOCKUP' \
		-e 'refcount_t: |list_(add|del) corruption|Call Trace:' \
		-e 'sleeping function called from|Kernel panic|ODEBUG' \
		-e 'Object already free|Redzone overwritten|Poison overwritten' \
		"$1" | head -n 200
	return "${PIPESTATUS[0]}"
}
