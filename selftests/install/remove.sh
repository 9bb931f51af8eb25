# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The newest kernel runs; remove the program. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

newer()
{
	is "$(newest_kernel)" uname -r
	module_of_dkms "$(uname -r)"
}

# The bridges stop, the configuration stays.
remove()
{
	systemctl start vrpmsg-bridge@gpu0.service
	quiet apt-get remove -y vhost-rpmsg
	fails inactive systemctl is-active vrpmsg-bridge@gpu0.service
	fails inactive systemctl is-active vrpmsg-bridge@gpu0.socket
	pgrep vrpmsg-bridge
	ls /run/vrpmsg 2>/dev/null
	[[ -s /etc/vrpmsg/gpu0.conf ]] || echo "there is no gpu0.conf"
}

# The same as Secure Boot before the key is enrolled.
secure_boot()
{
	fails "Key was rejected by service" modprobe vhost_rpmsg
	grep -q 'Key was rejected by' "$share"/README.md || echo "README does not say so"
	# The VM has no EFI firmware, so mokutil gets no further than this. A machine
	# with Secure Boot has it as a dependency of the boot loader.
	quiet apt-get install -y mokutil
	fails "EFI variables are not supported" \
		runuser -l me -c "$(readme_inline 'sudo mokutil')"
	is "$(modinfo -F signer vhost_rpmsg)" signer
}

# The owner of the key that README enrols.
signer()
{
	openssl x509 -inform der -noout -subject -nameopt multiline \
		-in "$(readme_inline 'sudo mokutil' | sed 's/.* //')" |
		sed -n 's/.*commonName *= //p'
}

check "the newest kernel runs, with its module" newer
systemctl stop gpu0-shell.service
check "remove ends the bridges and leaves the configuration" remove
check "the module is not in use then" quiet rmmod vhost_rpmsg
# This cannot be undone before the next boot.
if echo 1 >/sys/module/module/parameters/sig_enforce; then
	check "a key that is not enrolled is refused, and README says what to do" \
		secure_boot
else
	skip "a key that is not enrolled is refused" "there is no sig_enforce"
fi
