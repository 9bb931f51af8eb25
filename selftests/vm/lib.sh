# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the scripts in this folder. Source it with `set -euo pipefail`.

# shellcheck disable=SC2034	# used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath -ms "${BUILD:-$top/build}")
cache=${VRPMSG_CACHE:-${HOME:-/root}/.cache/vhost-rpmsg}
all_series="6.1 6.12 7.3"
# These are for another processor, the last part of the name.
arch_series="6.12-s390x"
# Scripts read numbers and messages of programs, which depend on the locale.
export LC_ALL=C.UTF-8

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

# quietly LOG COMMAND...: run a command, and print its output only if it fails. A function
# runs in a subshell.
quietly()
{
	local log=$1 old=$- rc
	shift
	mkdir -p "$(dirname "$log")"
	# As a condition, a function would go on after an error.
	set +e
	(set -e; "$@") >"$log" 2>&1
	rc=$?
	[[ $old != *e* ]] || set -e
	if ((rc)); then
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
		python3-pytest mypy locales
}

# Print the processor of a series, as Debian calls it.
arch_of()
{
	case $1 in
	*-s390x) echo "${1##*-}" ;;
	*) echo amd64 ;;
	esac
}

# Print the folder with the programs for a processor.
user_of()
{
	case $1 in
	amd64) echo "$build/user" ;;
	*) echo "$build/user-$1" ;;
	esac
}

# Install a compiler and an emulator for another processor. The libraries for it are in
# its root, so that dpkg need not know the processor.
need_cross_packages()
{
	case $1 in
	s390x) need_packages gcc-12-s390x-linux-gnu qemu-system-misc ;;
	esac
}

# make_cross ARCH TARGET...: build programs for another processor.
make_cross()
{
	local arch=$1 root=$cache/root-$1 triplet=$1-linux-gnu
	shift
	PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig \
	PKG_CONFIG_SYSROOT_DIR=$root \
		make -s -j"$(nproc)" -C "$top" O="$(user_of "$arch")" \
		CC="$triplet-gcc-12 --sysroot=$root" AR="$triplet-ar" "$@"
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
# from the same mirrors. apt_arch is the processor of the packages.
apt_arch=amd64
private_apt()
{
	local tool=$1 apt=$cache/apt
	shift
	[[ $apt_arch == amd64 ]] || apt+=-$apt_arch
	"$tool" -o Dir="$apt" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Architecture="$apt_arch" \
		-o APT::Architectures="$apt_arch" \
		-o Dir::State::status="$apt/status" \
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

# Several scripts may do that at the same time.
setup_private_apt()
{
	with_lock apt read_package_lists
}

read_package_lists()
{
	local apt=$cache/apt main security suite
	local suites=(bookworm bookworm-backports)
	local security_suites=(bookworm-security)

	if [[ $apt_arch == amd64 ]]; then
		suites+=(trixie trixie-backports)
		security_suites+=(trixie-security)
	else
		apt+=-$apt_arch
	fi
	# Older lists may name packages that no longer exist.
	if [[ -n $(find "$apt/updated" -mmin -600 2>/dev/null) ]]; then
		return
	fi
	main=$(mirror_of '^(bookworm|stable|trixie)$')
	[[ -n $main ]] || die "apt knows no Debian mirror; run apt-get update"
	security=$(mirror_of -security)
	say "reading package lists ($apt_arch)"
	mkdir -p "$apt"/{etc/apt/{preferences,apt.conf,trusted.gpg}.d,var/lib/apt/lists/partial,var/cache/apt/archives/partial}
	touch "$apt/status"
	{
		for suite in "${suites[@]}"; do
			echo "deb [arch=$apt_arch] $main $suite main"
		done
		# Use the machine's security mirror if it has one.
		for suite in "${security_suites[@]}"; do
			[[ -z $security ]] ||
				echo "deb [arch=$apt_arch] $security $suite main"
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

# make_root FOLDER PACKAGE...: unpack packages, and what they depend on, into a
# root file system. Nothing is installed: that is enough for most programs, and does not
# need root. Status 77: there are no such packages.
make_root()
{
	local root=$1 names tmp deb log
	shift
	names=${*%/*}
	if [[ -s $root/packages && $(<"$root/packages") == "$names" ]]; then
		return
	fi
	setup_private_apt
	say "fetching packages for $(basename "$root")"
	rm -rf "$root"
	mkdir -p "$root"/{dev,proc,tmp} "$build/log"
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	mkdir "$tmp/partial"
	log=$build/log/$(basename "$root")
	private_apt apt-get install -y -qq --no-install-recommends \
		--download-only -o Dir::Cache::archives="$tmp" \
		"$@" >"$log" 2>&1 || {
		tail -n 5 "$log" >&2
		say "the packages for $(basename "$root") are not to be had"
		exit 77
	}
	# The links from /bin to /usr/bin come first.
	for deb in "$tmp"/base-files_*.deb "$tmp"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -C "$root" -x --keep-directory-symlink
	done
	rm -rf "$tmp"
	ln -sf gawk "$root/usr/bin/awk"
	echo "$names" >"$root/packages"
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
	*-s390x) echo "${1%-*}" ;;
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
	local dir=$1 release=$2 init module root=/ arch

	arch=$(arch_of "$release")
	[[ $arch == amd64 ]] || root=$cache/root-$arch

	init=$(mktemp -d "$dir/initrd.XXXXXX")
	[[ -s $dir/root/lib/modules/$release/modules.dep ]] ||
		depmod -b "$dir/root" "$release"
	mkdir -p "$init"/{bin,dev,proc,sys,host,rw,root,modules}
	: >"$init/modules/order"
	cp "$root/bin/busybox" "$init/bin/"
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
