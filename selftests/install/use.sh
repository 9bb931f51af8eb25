# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Use the packages as README and the manual pages describe it. Sourced by parts.
# shellcheck disable=SC2016,SC2154,SC2317	# its variables; called through check

mode_of()
{
	stat -L -c '%a %U:%G' "$1"
}

# README's commands before it starts QEMU.
first_device()
{
	types "$(readme "systemctl start vrpmsg-bridge@gpu0" | sed '/^$/,$d')"
	[[ -e /sys/module/vhost_rpmsg ]] || echo "the module is not loaded"
	udevadm settle
	is "660 root:kvm" mode_of /dev/vhost-rpmsg
	is "3000" address gpu0/rpmsg-raw
	is active systemctl is-active vrpmsg-bridge@gpu0
}

first_endpoint()
{
	quiet vrpmsgctl ept add dev gpu0 name shell
	udevadm settle
	is "660 root:vrpmsg" mode_of /dev/vrpmsg/by-name/gpu0/shell
	is "$(realpath /dev/vrpmsg/by-name/gpu0/shell)" \
		realpath "/dev/vrpmsg/by-addr/gpu0/$(address gpu0/shell)"
	is "660 root:vrpmsg" mode_of /dev/vrpmsg/ctrl/gpu0
}

rights()
{
	fails "CAP_NET_ADMIN is needed" as nobody2 vrpmsgctl dev show
	fails "Permission denied" as nobody2 vrpmsgctl recv /dev/vrpmsg-ep0
	fails "Permission denied" as nobody2 "$share"/vmm \
		/run/vrpmsg/gpu0.sock shell 1024 host
}

bridge()
{
	is "770 root:kvm" mode_of /run/vrpmsg/gpu0.sock
	served gpu0 shell
}

no_such_device()
{
	quiet systemctl start vrpmsg-bridge@nosuch
	fails "the bridge refuses" as vmm "$share"/vmm /run/vrpmsg/nosuch.sock \
		shell 1024 host
	systemctl stop vrpmsg-bridge@nosuch
}

# README reads a message with cat.
reads()
{
	local command

	command=$(readme "cat /dev/vrpmsg/by-name")
	[[ $command ]] || echo "README does not have it"
	as me bash -c "exec $command" </dev/null >"$tmp/cat" 2>/dev/null &
	wait_for eval "vrpmsgctl -o ept show gpu0/rpmsg-raw | grep -qw open"
	fails "no answer" as vmm "$share"/vmm /run/vrpmsg/gpu0.sock rpmsg-raw 3000 hello
	pkill -u me -x cat
	is hello cat "$tmp/cat"
}

# Each function and each program has a page.
manual_pages()
{
	local functions

	sed -n 's/.*\b\(vrpmsg_[a-z0-9_]*\)(.*/\1/p' /usr/include/vhostrpmsg.h |
		grep -v ' ' | sort -u >"$tmp/functions"
	mapfile -t functions <"$tmp/functions"
	((${#functions[@]} > 80)) || echo "too few functions"
	man -w 3 "${functions[@]}" >/dev/null
	man -w vrpmsgctl vrpmsg-bridge vrpmsg libvhostrpmsg >/dev/null
	man vrpmsg_dev_add >"$tmp/page"
	grep -q vrpmsg_dev_add "$tmp/page" || echo "it does not show vrpmsg_dev_add"
}

# The pages of the documentation. Licences and manual pages are elsewhere.
links()
{
	local doc=/usr/share/doc/vhost-rpmsg page link

	for page in "$doc"/*.md "$doc"/docs/*.md; do
		grep -o ']([^)#]*' "$page" | sed 's/](//' |
			grep -vE '^$|^http|LICENSES|/man/' >"$tmp/links"
		while read -r link; do
			[[ -e $(dirname "$page")/$link ]] || echo "$page: $link"
		done <"$tmp/links"
	done
}

completion()
{
	is "gpu0" bash -c 'exec 2>/dev/null
		. /usr/share/bash-completion/bash_completion
		_completion_loader vrpmsgctl
		COMP_WORDS=(vrpmsgctl dev show "") COMP_CWORD=3
		COMP_LINE="vrpmsgctl dev show " COMP_POINT=19
		$(complete -p vrpmsgctl | sed "s/.*-F \([^ ]*\).*/\1/") \
			vrpmsgctl "" show
		echo ${COMPREPLY[*]}'
}

# DKMS has installed a compiler.
examples()
{
	local source flags

	read -ra flags < <(pkg-config --cflags --libs libvhostrpmsg)
	for source in /usr/share/doc/vhost-rpmsg/examples/*.c; do
		gcc -Wall -Wextra -Werror -o "$tmp/$(basename "$source" .c)" \
			"$source" "${flags[@]}"
	done
	"$tmp/echo" gpu0 echo >"$tmp/echo.out" 2>&1 &
	local server=$!
	wait_for eval "vrpmsgctl -o ept show gpu0/echo | grep -qw open" ||
		cat "$tmp/echo.out"
	guest_asks gpu0 echo hello hello
	kill "$server"
	wait "$server" 2>/dev/null
	vrpmsgctl ept del gpu0/echo
}

python()
{
	sed -n '/^```python$/,/^```$/{/^```/!p}' "$share"/README.md >"$tmp/readme.py"
	python3 "$tmp/readme.py" >"$tmp/python.out" 2>&1 &
	wait_for eval "vrpmsgctl -o ept show gpu0/echo | grep -qw open" ||
		cat "$tmp/python.out"
	guest_asks gpu0 echo hello hello
	vrpmsgctl ept del gpu0/echo
	wait 2>/dev/null
	return 0
}

# A user who may open the ctrl node needs no privileges.
ept_exec()
{
	local command addr

	command=$(sed -n 's/^    \(vrpmsgctl ept exec .*\)/\1/p' "$share"/README.md)
	[[ $command ]] || echo "README does not have it"
	as me bash -c "exec $command" </dev/null >"$tmp/exec.out" 2>&1 &
	local server=$!
	wait_for eval "vrpmsgctl -o ept show | grep -w echo | grep -qw open" ||
		cat "$tmp/exec.out"
	# DEVICE/NAME only finds endpoints of an administrator.
	addr=$(vrpmsgctl -o ept show | grep -w echo | address_in)
	is hello as vmm "$share/vmm" /run/vrpmsg/gpu0.sock echo "$addr" hello
	kill "$server"
	wait "$server" 2>/dev/null
	return 0
}

# Applied at the next boot.
configure()
{
	types "$(readme "vrpmsgctl save dev gpu0")"
	cp "$share"/examples/gpu0/gpu0-shell.service /etc/systemd/system/
	install -m 755 "$share"/examples/service.sh /usr/local/bin/
	quiet systemctl enable gpu0-shell.service
}

check "README's device, endpoint and bridge; vrpmsgctl loads the module" first_device
check "an endpoint has its node and links" first_endpoint
useradd -m -G kvm vmm
useradd -m nobody2
check "a bridge in its sandbox, a VMM of group kvm, a reader of group vrpmsg" bridge
check "README's cat reads what a guest sends" reads
check "others are refused" rights
check "a VMM of a device that is not there is turned away" no_such_device
check "manual pages by the names of functions" manual_pages
check "the documentation has what it links to" links
check "completion knows the device" completion
check "the examples compile with the installed library" examples
check "README's Python program serves" python
check "README's endpoint without an administrator" ept_exec
check "README's configuration for the next boot" configure
