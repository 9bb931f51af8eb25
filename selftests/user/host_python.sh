#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The interface of the Python package: types, documentation, and whether it covers the
# library. Prints TAP. VRPMSG_BUILD is the folder with the package.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${VRPMSG_BUILD:-$top/build}
export PYTHONPATH=$build/user/python LD_LIBRARY_PATH=$build/user/lib
export PYTHONDONTWRITEBYTECODE=1 MYPYPATH=$build/user/python
python=/usr/bin/python3
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# skip NAME REASON
skip()
{
	echo "ok $((++number)) $1 # SKIP $2"
}

types()
{
	/usr/bin/mypy --strict --cache-dir=/dev/null "$@" | grep -v '^Success'
	return 0
}

# conftest.py is a module of its own folder.
examples()
{
	cd "$top/examples/python" && types ./*.py
}

# Everything public has a docstring.
documented()
{
	$python - <<-'END'
		import inspect
		import vhostrpmsg
		def look(name, thing):
		    if not inspect.getdoc(thing):
		        print(f"{name} has no docstring")
		    elif inspect.isclass(thing):
		        for key, member in vars(thing).items():
		            if not key.startswith("_") and (
		                    inspect.isfunction(member) or
		                    isinstance(member, property)):
		                look(f"{name}.{key}", member)
		for name in vhostrpmsg.__all__:
		    thing = getattr(vhostrpmsg, name)
		    if inspect.isclass(thing) or inspect.isfunction(thing):
		        look(name, thing)
	END
}

# The package covers the C library.
complete()
{
	diff <(grep -o 'vrpmsg_[a-z0-9_]*' \
		       "$top/libvhostrpmsg/libvhostrpmsg.map" | sort -u) \
	     <(cat "$top"/libvhostrpmsg/python/vhostrpmsg/*.py |
		       grep -oE 'lib\.vrpmsg_[a-z0-9_]*' | cut -d. -f2 | sort -u)
}

# 0 means without limit, so no other time may become 0.
negative()
{
	$python - <<-'END'
		from vhostrpmsg._context import _device_config
		for seconds in -1, -0.0001:
		    try:
		        _device_config(None, seconds, None)
		    except ValueError:
		        continue
		    print(seconds, "was not refused")
	END
}

# Without memory, a call that does not wait is refused like one without room.
nomem()
{
	FAKE_FD=100 FAKE_NOMEM=1 LD_PRELOAD=$build/user/selftests/fake_ept.so \
		timeout 20 "$python" - <<-'END'
		import asyncio, errno, os, socket
		import vhostrpmsg
		socks = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		def refused(write):
		    try:
		        write(100 * b"x")
		        print("was written")
		    except OSError as error:
		        if error.errno != errno.ENOMEM:
		            raise
		for blocking in True, False:
		    with vhostrpmsg.File(os.dup2(socks[0].fileno(), 100)) as file:
		        os.set_blocking(file.fileno(), blocking)
		        refused(file.write)
		async def main(data):
		    async with vhostrpmsg.AsyncFile(os.dup2(socks[0].fileno(), 100)) as file:
		        await file.write(data)
		refused(lambda data: asyncio.run(main(data)))
	END
}

echo "TAP version 13"
if ! $python -c 'import _cffi_backend' 2>/dev/null; then
	echo "1..0 # SKIP there is no cffi"
	exit 0
fi
echo "1..6"
if [[ -x /usr/bin/mypy ]]; then
	check "mypy is content" types -p vhostrpmsg
	check "with the examples as well" examples
else
	skip "mypy is content" "there is no mypy"
	skip "with the examples as well" "there is no mypy"
fi
check "what is public is documented" documented
check "it has what the library has" complete
check "without memory a write fails" nomem
check "a negative hold-time is refused" negative
exit $failed
