# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the scripts in this folder. Source it with `set -euo pipefail`.

# shellcheck disable=SC2034	# used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$top/build}
cache=${VRPMSG_CACHE:-${HOME:-/root}/.cache/vhost-rpmsg}
all_series="6.1 6.12 7.3"

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

# quietly LOG COMMAND...: run a command, and print its output only if it fails.
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

# Install those of the packages that are missing. Wait for others who install: a new
# machine does so by itself in its first minutes.
need_packages()
{
	local missing=() p

	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || missing+=("$p")
	done
	((${#missing[@]})) || return 0
	say "installing ${missing[*]}"
	as_root apt-get update -qq ||
		say "cannot read the package lists again; trying those that are here"
	quietly "$build/log/packages" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq -o DPkg::Lock::Timeout=600 \
		--no-install-recommends "${missing[@]}"
}

# Install the packages for building and testing.
need_build_packages()
{
	need_packages build-essential gcc-12 pkg-config libnl-3-dev \
		libnl-genl-3-dev liburing-dev libelf-dev bc bison flex \
		libssl-dev rsync cpio kmod xz-utils zstd lz4 busybox-static \
		qemu-system-x86 python3 python3-yaml python3-jsonschema \
		mandoc debootstrap pahole sparse clang libclang-rt-dev \
		debhelper dh-dkms dh-python lintian zsh fish python3-cffi \
		python3-pytest mypy
}

# with_lock NAME COMMAND...: run a command with a lock of the cache held.
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

# Run apt with its own configuration in the cache. It has more suites than the machine,
# from the same mirrors.
private_apt()
{
	local tool=$1
	shift
	"$tool" -o Dir="$cache/apt" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::status="$cache/apt/status" \
		-o Dir::Etc::Trusted=/usr/share/keyrings/debian-archive-keyring.gpg \
		-o Dir::Etc::TrustedParts=/etc/apt/trusted.gpg.d \
		-o Dir::Cache::pkgcache=pkgcache.bin \
		-o Dir::Cache::srcpkgcache=srcpkgcache.bin \
		-o APT::Sandbox::User=root "$@"
}

# Print the URI of the machine's mirror whose release matches the pattern.
mirror_of()
{
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' |
		awk -v p="$1" '$1 ~ p && !n++ { print $2 }'
}

setup_private_apt()
{
	local apt=$cache/apt main security suite

	# Older lists may name packages that no longer exist.
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
		# Use the machine's security mirror if it has one.
		for suite in bookworm-security trixie-security; do
			[[ -z $security ]] ||
				echo "deb [arch=amd64] $security $suite main"
		done
	} >"$apt/etc/apt/sources.list"
	quietly "$build/log/apt" private_apt apt-get update -qq
	touch "$apt/updated"
}

# unpack_packages FOLDER PACKAGE[=VERSION]...: download packages and unpack them.
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

# Print the folder of a kernel in the cache; vm/fetch describes its content.
kernel_dir()
{
	echo "$cache/kernel/$1"
}

# Print the Linux series of a kernel in the cache.
series_of()
{
	case $1 in
	debug | kcsan) echo 6.12 ;;
	*) echo "$1" ;;
	esac
}

# check_config WANTED ACTUAL: check that no option is missing. An option whose
# dependencies are not met vanishes silently from a kernel's configuration.
check_config()
{
	local line

	while read -r line; do
		case $line in
		CONFIG_* | "# CONFIG_"*)
			grep -qxF "$line" "$2" || die "$1: there is no $line"
		esac
	done <"$1"
}

# Build the initramfs of a kernel in the cache: busybox, and the modules for a 9p root.
make_initrd()
{
	local dir=$1 release=$2 init module

	init=$(mktemp -d "$dir/initrd.XXXXXX")
	depmod -b "$dir/root" "$release"
	mkdir -p "$init"/{bin,dev,proc,sys,host,rw,root,modules}
	: >"$init/modules/order"
	cp /bin/busybox "$init/bin/"
	modprobe -d "$dir/root" -S "$release" --show-depends -a \
		virtio_pci 9pnet_virtio 9p overlay | awk '/^insmod/ { print $2 }' |
		awk '!seen[$0]++' |
	while read -r module; do
		case $module in
		*.xz) xz -dc "$module" >"$init/modules/$(basename "$module" .xz)" ;;
		*) cp "$module" "$init/modules/" ;;
		esac
		basename "$module" .xz >>"$init/modules/order"
	done
	cp "$top/selftests/vm/init" "$init/init"
	(cd "$init" && find . | cpio -oH newc --quiet | gzip -1) >"$dir/initrd"
	cp "$top/selftests/vm/init" "$dir/init"
	rm -rf "$init"
}

# Build the initramfs again if init has changed.
refresh_initrd()
{
	cmp -s "$1/init" "$top/selftests/vm/init" ||
		make_initrd "$1" "$(<"$1/release")"
}

# Wait until there are fewer background jobs than processors. With more VMs than
# processors all of them take much longer.
wait_for_processor()
{
	while (($(jobs -rp | wc -l) >= $(nproc))); do
		wait -n || :
	done
}

# Print the lines of a kernel's log that fail a run. Returns 1 if there are none. A log
# that the program cannot read is bad.
bad_log_lines()
{
	! "$top/selftests/vm/verdict.py" log "$@"
}

# The sums of count(), and the programs with failures as "WHERE TEST".
passed=0 failed=0 skipped=0
counted=0 programs_failed=()

# count WHERE FOLDER TEST: add the results in the TAP files of vm/tests.
count()
{
	local said numbers p f s

	said=$("$top/selftests/vm/verdict.py" tap "$@") || die "no verdict on $*"
	numbers=${said##*$'\n'}
	[[ $said == "$numbers" ]] || echo "${said%$'\n'*}"
	read -r p f s <<<"$numbers"
	((passed += p, failed += f, skipped += s)) || :
	((f == 0)) || programs_failed+=("$1 $3")
	((counted += f)) || :
}

# The emulator sometimes crashes a kernel early during boot; see vm/run.
say_booted_twice()
{
	[[ ! -e $2/console.early ]] ||
		say "$1: the first VM died before it ran anything and was booted" \
		    "once more (its log is $2/console.early)"
}

# Print the programs to run: all of them, or those that T names.
select_tests()
{
	local test name

	for test in "$@"; do
		[[ -x $test ]] || continue
		name=$(basename "$test" .sh)
		[[ ! $wanted || " $wanted " == *" $name "* ]] && echo "$test"
	done
	return 0
}
