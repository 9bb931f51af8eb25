#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The examples in Python work with a guest.
# shellcheck disable=SC2317	# functions are called through succeeds
set -u
if ! /usr/bin/python3 -c 'import _cffi_backend' 2>/dev/null; then
	echo "1..0 # SKIP there is no cffi"
	exit 0
fi
# shellcheck source=examples.sh
. "$(dirname "$0")/examples.sh"

echo "TAP version 13"
vrpmsgctl dev add $dev >path
start_guest $dev
guest mute

export PYTHONPATH=$VRPMSG_BUILD/user/python PYTHONDONTWRITEBYTECODE=1
block python | sed "s/gpu0/$dev/; s/echo/readme/" >readme.py
start /usr/bin/python3 readme.py
succeeds "README's first program serves" serves readme
# There is no remote yet, so no answer to this can be sent.
guest "send 53 $(field addr ept show $dev/readme) lost"
succeeds "and answers" asks 800 readme "python?" "python?"
stop
start /usr/bin/python3 readme.py
succeeds "it can be started again" serves readme
succeeds "and still answers" asks 800 readme "again?" "again?"
stop

vrpmsgctl ept add dev $dev name async >path
start /usr/bin/python3 "$top/examples/python/echo.py" async
succeeds "echo.py: serves what is there" serves async
succeeds "echo.py: answers" asks 801 async one one
vrpmsgctl ept del $dev/async
succeeds "echo.py: hears that it goes" says "$dev: the endpoint was deleted"
vrpmsgctl ept add dev $dev name async >path
succeeds "echo.py: and of another one" serves async
succeeds "echo.py: which it answers" asks 802 async two two
stop

stop_guest
firmware()
{
	cp "$top"/examples/python/{conftest,test_firmware}.py . &&
		VMM="$VRPMSG_BUILD/user/selftests/echo_guest {device} echo=600" \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider
}
# The device is closed two seconds after the command has ended.
slow_end()
{
	VMM="sh -c 'exec 3<&0; trap \"\" TERM; (cat <&3; sleep 2) |
		$VRPMSG_BUILD/user/selftests/echo_guest {device} echo=600 &
		trap - TERM; exec sleep 1000'" \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider -k too_long
}
no_guest()
{
	sed -i 's/^TIMEOUT = .*/TIMEOUT = 0.5/' conftest.py
	VMM="sleep 1000" timeout 100 /usr/bin/python3 -m pytest -q \
		-p no:cacheprovider -k too_long
	[[ $? == 1 ]]
}
if /usr/bin/python3 -c 'import pytest' 2>/dev/null; then
	succeeds "conftest.py: tests of a guest" firmware
	succeeds "conftest.py: a bridge that ends after its VMM" slow_end
	succeeds "conftest.py: a guest that does not boot is an error" no_guest
fi
echo "1..$number"
exit $failed
