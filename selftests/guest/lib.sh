# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bridges and guests inside the VM. Source this in programs that vm/run starts. A guest
# has the name of its device.

: "${VRPMSG_BUILD:?runs in the VM only, see selftests/vm/run}"
run=/run/vrpmsg
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck disable=SC2034	# used by those who source this
rpmsg=$VRPMSG_BUILD/guest/rpmsg
# Timeouts in seconds. Normally nothing takes that long, but a nested guest may be slow
# if the machine has other work.
guest_limit=${GUEST_LIMIT:-$((300 * ${VRPMSG_SLOW:-1}))}
guest_memory=${GUEST_MEMORY:-64M}
# Without ACPI the kernel finds only one processor per socket.
guest_cpus=${GUEST_CPUS:-1}
# The folder of a guest's drivers, if they are not part of its kernel: see init.c.
guest_modules=${GUEST_MODULES:-patched}
mkdir -p $run /run/results/guest

declare -A guest_pid guest_in guest_out guest_rest guest_tag bridge_pid

# Sleep for a moment without starting a program.
[[ -p $run/never ]] || mkfifo $run/never
exec {never}<>$run/never
moment()
{
	read -rt "${1:-0.1}" -u "$never" || :
}

# eventually COMMAND...: try a command until it succeeds.
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

# End a process that this shell has started, without the message of the shell.
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

# guest_start NAME: start QEMU.
#
# Do not use reconnect-ms: QEMU 11.1 aborts when its generic vhost-user device
# reconnects. See guest_replug.
guest_start()
{
	local name=$1 fd append

	append="console=ttyS0 loglevel=6 acpi=off no_timer_check panic=-1"
	append+=" watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60"
	append+=" rpmsg_modules=$guest_modules"
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
		-smp "$guest_cpus,sockets=$guest_cpus" \
		-object "memory-backend-memfd,id=m,size=$guest_memory,share=on" \
		-nodefaults -no-user-config -display none \
		-kernel "$VRPMSG_BUILD/guest/kernel" \
		-initrd "$VRPMSG_BUILD/guest/initrd" \
		-append "$append" \
		-chardev "socket,id=c,path=$run/$name" \
		-device "$guest_device" \
		-chardev "file,id=console,path=$run/$name.console,append=on" \
		-serial chardev:console -serial stdio \
		-qmp "pipe:$run/$name.qmp" \
		<"$run/$name.in" >"$run/$name.out" \
		2>>"/run/results/guest/$name.qemu" &
	guest_pid[$name]=$!
}

# qmp COMMAND [ARGUMENTS]: send a QMP command and print QEMU's answer.
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

# guest_qmp NAME COMMAND: send one command to a guest's QEMU, for example stop.
guest_qmp()
{
	local qmp_to qmp_from rc

	exec {qmp_to}<>"$run/$1.qmp.in" {qmp_from}<>"$run/$1.qmp.out"
	# QEMU refuses this if it is not the first command.
	qmp qmp_capabilities >/dev/null 2>&1
	qmp "$2" >/dev/null
	rc=$?
	exec {qmp_to}>&- {qmp_from}<&-
	return $rc
}

# guest_replug NAME: remove the device from a running guest, wait for a bridge, and add
# the device again.
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

# QEMU does not write the console to a 9p file, since each character would take a round
# trip.
guest_save_log()
{
	cp "$run/$1.console" "/run/results/guest/"
}

# Read the next line of a guest into $line; status 1 after a timeout.
guest_line()
{
	local name=$1 end=$2 part

	# Without IFS, read would drop a space at the end of the part.
	until IFS= read -r part <&"${guest_out[$name]}"; do
		# There may be the beginning of a line.
		guest_rest[$name]+=$part
		((SECONDS < end)) || return 1
		kill -0 "${guest_pid[$name]}" 2>/dev/null || return 1
		moment
	done
	line=${guest_rest[$name]}$part
	line=${line%$'\r'}
	guest_rest[$name]=
}

# guest_begin NAME COMMAND...: start a command in a guest; then call guest_wait. The tag
# is not a counter, since some calls are in subshells.
guest_begin()
{
	local name=$1
	shift
	guest_tag[$name]=$SRANDOM
	echo "${guest_tag[$name]} $*" >&"${guest_in[$name]}"
}

# guest_wait NAME [SECONDS]: wait for "@TAG STATUS", the end of the command, and print
# the output of the command.
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
	echo "# guest $name: not up within $guest_limit s;" \
	     "VRPMSG_SLOW=2 doubles that" >&2
	return 1
}

# field NAME <JSON: print a number or string from a line of JSON.
field()
{
	grep -oE "\"$1\": *(\"[^\"]*\"|[^],}]*)" | head -n 1 |
		sed -E 's/^[^:]*: *"?//; s/"$//'
}

# ept_add DEVICE NAME OPTION...: add an endpoint and print its number.
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
