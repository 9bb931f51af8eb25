# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bridges and guests inside of the VM. Sourced by what vm/run starts there; a
# guest has the name of its device.

: "${VRPMSG_BUILD:?runs in the VM only, see selftests/vm/run}"
run=/run/vrpmsg
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck disable=SC2034	# used by those who source this
rpmsg=$VRPMSG_BUILD/guest/rpmsg
# Seconds to wait for anything: when all is well, none of it takes as long. But
# nested, and next to other work, a guest may be slow.
guest_limit=${GUEST_LIMIT:-$((300 * ${VRPMSG_SLOW:-1}))}
guest_memory=${GUEST_MEMORY:-64M}
mkdir -p $run /run/results/guest

declare -A guest_pid guest_in guest_out guest_rest guest_tag bridge_pid

# Wait for a moment, without starting a program for it.
[[ -p $run/never ]] || mkfifo $run/never
exec {never}<>$run/never
moment()
{
	read -rt "${1:-0.1}" -u "$never" || :
}

# Try a command until it succeeds: eventually COMMAND...
eventually()
{
	local end=$((SECONDS + guest_limit))

	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || { echo "# gave up waiting: $*"; return 1; }
		moment 0.2
	done
}

bridge_start()
{
	local name=$1

	vrpmsg-bridge --verbose --socket "$run/$name" --name "$name" \
		2>>"/run/results/guest/$name.bridge" &
	bridge_pid[$name]=$!
	eventually test -S "$run/$name"
}

# End a process that this shell started; the shell's own word about it is not
# for the output.
end_process()
{
	kill "-$2" "$1" 2>/dev/null
	wait "$1" 2>/dev/null || :
}

bridge_stop()
{
	end_process "${bridge_pid[$1]}" "${2-TERM}"
}

guest_slot=2
guest_device='{"driver":"vhost-user-test-device-pci","chardev":"c","id":"rpmsg"'
guest_device+=",\"addr\":\"$guest_slot\""
guest_device+=',"virtio-id":7,"num_vqs":2,"vq_size":256,"config_size":0}'

# Start QEMU: guest_start NAME
#
# Without reconnect-ms: QEMU 11.1 aborts when its generic vhost-user device
# connects again. See guest_replug.
guest_start()
{
	local name=$1 fd

	rm -f "$run/$name".{in,qmp.in,qmp.out}
	mkfifo "$run/$name".{in,qmp.in,qmp.out}
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
		-append "console=ttyS0 loglevel=6 acpi=off no_timer_check panic=-1" \
		-chardev "socket,id=c,path=$run/$name" \
		-device "$guest_device" \
		-chardev "file,id=console,path=$run/$name.console,append=on" \
		-serial chardev:console -serial stdio \
		-qmp "pipe:$run/$name.qmp" \
		<"$run/$name.in" >"$run/$name.out" \
		2>>"/run/results/guest/$name.qemu" &
	guest_pid[$name]=$!
}

# QEMU's answer to a QMP command: qmp COMMAND [ARGUMENTS]
qmp()
{
	local end=$((SECONDS + guest_limit)) answer

	echo "{\"execute\":\"$1\"${2:+,\"arguments\":$2}}" >&"$qmp_to"
	while ((SECONDS < end)); do
		read -rt 5 -u "$qmp_from" answer || continue
		case $answer in
		'{"return"'*)	echo "$answer"
				return ;;
		*'"error"'*)	break ;;
		esac
	done
	echo "# QEMU's answer to $1: ${answer:-none}" >&2
	return 1
}

# One command for a guest's QEMU, as stop or cont: guest_qmp NAME COMMAND
guest_qmp()
{
	local qmp_to qmp_from rc

	exec {qmp_to}<>"$run/$1.qmp.in" {qmp_from}<>"$run/$1.qmp.out"
	# Refused when it is not the first.
	qmp qmp_capabilities >/dev/null 2>&1
	qmp "$2" >/dev/null
	rc=$?
	exec {qmp_to}>&- {qmp_from}<&-
	return $rc
}

# Take the device out of a guest that runs and, when there is a bridge again, put
# it back: guest_replug NAME
guest_replug()
{
	local name=$1 pci=/sys/bus/pci qmp_to qmp_from rc

	exec {qmp_to}<>"$run/$name.qmp.in" {qmp_from}<>"$run/$name.qmp.out"
	qmp qmp_capabilities >/dev/null 2>&1
	qmp device_del '{"id":"rpmsg"}' >/dev/null &&
		guest_do "$name" "echo 1 >$pci/devices/0000:00:0$guest_slot.0/remove" &&
		guest_do "$name" "rpmsg eject $guest_slot" &&
		eventually qmp chardev-remove '{"id":"c"}' &&
		qmp chardev-add '{"id":"c","backend":{"type":"socket","data":{
			"server":false,"addr":{"type":"unix","data":{
			"path":"'"$run/$name"'"}}}}}' >/dev/null &&
		qmp device_add "$guest_device" >/dev/null &&
		guest_do "$name" "echo 1 >$pci/rescan"
	rc=$?
	exec {qmp_to}>&- {qmp_from}<&-
	return $rc
}

guest_stop()
{
	local name=$1 fd

	end_process "${guest_pid[$name]}" "${2-TERM}"
	fd=${guest_in[$name]}
	exec {fd}>&-
	fd=${guest_out[$name]}
	exec {fd}<&-
	guest_save_log "$name"
	unset "guest_pid[$name]"
}

# QEMU itself does not write the console there: each character would cost a
# round trip.
guest_save_log()
{
	cp "$run/$1.console" "/run/results/guest/"
}

# The next line of a guest, in $line; 1 when it takes too long.
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

# Have a guest run a command: guest_begin NAME COMMAND..., then guest_wait. Not a
# count: some of it happens in subshells.
guest_begin()
{
	local name=$1
	shift
	guest_tag[$name]=$SRANDOM
	echo "${guest_tag[$name]} $*" >&"${guest_in[$name]}"
}

# Wait for "@TAG STATUS", which ends the command, and print what it has printed:
# guest_wait NAME [SECONDS]
guest_wait()
{
	local name=$1 limit=${2:-$guest_limit} line
	local end=$((SECONDS + limit))

	while guest_line "$name" "$end"; do
		case $line in
		"@${guest_tag[$name]} "*)
			return "${line#@* }" ;;
		"@ready "*)
			echo "# guest $name: has booted meanwhile" >&2
			return 125 ;;
		@*) ;;
		*)	echo "$line" ;;
		esac
	done
	echo "# guest $name: nothing more within $limit s" >&2
	return 124
}

guest_do()
{
	guest_begin "$@"
	guest_wait "$1"
}

# Wait until a guest has booted.
guest_ready()
{
	local name=$1 line
	local end=$((SECONDS + guest_limit))

	while guest_line "$name" "$end"; do
		[[ $line != "@ready "* ]] || return 0
	done
	echo "# guest $name: not up within $guest_limit s" >&2
	return 1
}

# A number or string out of JSON on one line: field NAME <JSON
field()
{
	grep -oE "\"$1\": *(\"[^\"]*\"|[^],}]*)" | head -n 1 |
		sed -E 's/^[^:]*: *"?//; s/"$//'
}

# ept_add DEVICE NAME OPTION...: prints the endpoint's number.
ept_add()
{
	vrpmsgctl -j ept add dev "$1" name "$2" "${@:3}" | field id
}

# ept_field ENDPOINT FIELD, dev_field DEVICE FIELD
ept_field()
{
	vrpmsgctl -s -j ept show "$1" | field "$2"
}

dev_field()
{
	vrpmsgctl -s -j dev show "$1" | field "$2"
}
