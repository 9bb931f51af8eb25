# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bridges and guests inside of the VM. Sourced by what vm/run starts there; a
# guest has the name of its device.

: "${VRPMSG_BUILD:?runs in the VM only, see selftests/vm/run}"
run=/run/vrpmsg
here=$(dirname "${BASH_SOURCE[0]}")
rpmsg=$VRPMSG_BUILD/guest/rpmsg
# A stock kernel takes its time, nested.
guest_limit=${GUEST_LIMIT:-90}
guest_memory=${GUEST_MEMORY:-64M}
mkdir -p $run /run/results/guest

declare -A guest_pid guest_in guest_out guest_rest bridge_pid
tag=0

# Wait for a moment, without starting a program for it.
exec {never}<> <(:)
moment()
{
	read -rt "${1:-0.1}" -u "$never" || :
}

# Try COMMAND until it succeeds: eventually SECONDS COMMAND...
eventually()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		moment 0.2
	done
}

bridge_start()
{
	local name=$1

	LD_LIBRARY_PATH=$VRPMSG_BUILD/user/lib vrpmsg-bridge --verbose \
		--socket "$run/$name" --name "$name" \
		2>>"/run/results/guest/$name.bridge" &
	bridge_pid[$name]=$!
	eventually 10 test -S "$run/$name"
}

# End a bridge, or a guest: the shell's own word about it is not for the output.
bridge_stop()
{
	kill "-${2-TERM}" "${bridge_pid[$1]}"
	wait "${bridge_pid[$1]}" 2>/dev/null || :
}

# Start a guest and return at once; its console is in results/guest/NAME.
guest_start()
{
	local name=$1 fd

	rm -f "$run/$name.in"
	mkfifo "$run/$name.in"
	exec {fd}<>"$run/$name.in"
	guest_in[$name]=$fd
	: >"$run/$name.out"
	exec {fd}<"$run/$name.out"
	guest_out[$name]=$fd
	guest_rest[$name]=
	LD_LIBRARY_PATH='' "$here/qemu" -M pc,memory-backend=m \
		-accel tcg,thread=single -cpu qemu64 -m "$guest_memory" \
		-object "memory-backend-memfd,id=m,size=$guest_memory,share=on" \
		-nodefaults -no-user-config -display none \
		-kernel "$VRPMSG_BUILD/guest/kernel" \
		-initrd "$VRPMSG_BUILD/guest/initrd" \
		-append "console=ttyS0 loglevel=${GUEST_LOGLEVEL:-6} acpi=off no_timer_check panic=-1" \
		-chardev "socket,id=c,path=$run/$name,reconnect-ms=500" \
		-device vhost-user-test-device-pci,chardev=c,virtio-id=7,num_vqs=2,vq_size=256,config_size=0 \
		-serial stdio <"$run/$name.in" >"$run/$name.out" \
		2>"/run/results/guest/$name.qemu" &
	guest_pid[$name]=$!
}

guest_stop()
{
	kill "-${2-TERM}" "${guest_pid[$1]}"
	wait "${guest_pid[$1]}" 2>/dev/null || :
	exec {guest_in[$1]}>&- {guest_out[$1]}<&-
	cat "$run/$1.out" >>"/run/results/guest/$1.console"
	rm -f "$run/$1.out"
}

# The next line of a guest's console, in $line; 1 when it takes too long.
guest_line()
{
	local name=$1 end=$2 part

	until read -r part <&"${guest_out[$name]}"; do
		# No line yet, but maybe the beginning of one.
		guest_rest[$name]+=$part
		((SECONDS < end)) || return 1
		kill -0 "${guest_pid[$name]}" 2>/dev/null || return 1
		moment
	done
	line=${guest_rest[$name]}${part%$'\r'}
	guest_rest[$name]=
}

# Wait for "@TAG STATUS", and show what is printed before: that is of the
# command. What the kernel says has a time in front and is in the log.
guest_wait()
{
	local name=$1 tag=$2 end=$((SECONDS + ${3:-$guest_limit})) line

	while guest_line "$name" "$end"; do
		case $line in
		"@$tag "*)
			line=${line#@* }
			return "${line%% *}" ;;
		'['*.*']'* | @*) ;;
		*)	echo "$line" ;;
		esac
	done
	echo "guest $name: nothing more came" >&2
	return 124
}

# Have a guest run a command: guest_begin NAME COMMAND..., then guest_wait.
guest_begin()
{
	local name=$1
	shift
	echo "$((++tag)) $*" >&"${guest_in[$name]}"
}

guest_do()
{
	guest_begin "$@"
	guest_wait "$1" "$tag"
}

# A number or string out of JSON on one line: field NAME <JSON
field()
{
	grep -oE "\"$1\": *(\"[^\"]*\"|[^,}]*)" | head -n 1 |
		sed -E 's/^[^:]*: *"?//; s/"$//'
}

# ept_add DEVICE NAME OPTION...: prints the endpoint's number.
ept_add()
{
	vrpmsgctl -j ept add dev "$1" name "$2" "${@:3}" | field id
}

# ept_field ENDPOINT FIELD
ept_field()
{
	vrpmsgctl -j ept show "$1" | field "$2"
}
