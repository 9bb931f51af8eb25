#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest floods the name service of its device. Queries about other devices always
# succeed, queries about this device succeed or print a reason, and a monitor gets a
# limited number of events and the right final state.
#
# VRPMSG_FLOOD=SECONDS sets the duration, by default 4.
# shellcheck disable=SC2317	# functions are called through check
set -u
tests=$VRPMSG_BUILD/user/selftests
seconds=${VRPMSG_FLOOD:-4}
noisy=noisy$$ quiet=quiet$$
tmp=$(mktemp -d)
monitor=
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

cleanup()
{
	[[ ! $monitor ]] || kill "$monitor"
	vrpmsgctl dev del "$noisy"
	vrpmsgctl dev del "$quiet"
	rm -rf "$tmp"
} 2>/dev/null
trap cleanup EXIT

# Enough devices that no list of endpoints or devices fits into a datagram.
prepare()
{
	local i

	vrpmsgctl dev add "$noisy" && vrpmsgctl dev add "$quiet" || return
	for ((i = 0; i < 40; i++)); do
		vrpmsgctl ept add dev "$quiet" name "ept$i" || return
	done
	for ((i = 0; i < 12; i++)); do
		vrpmsgctl dev add "more$i-$$" || return
	done
	vrpmsgctl ept add dev "$noisy" name bound
} >/dev/null

undo()
{
	local i

	for ((i = 0; i < 12; i++)); do
		vrpmsgctl dev del "more$i-$$"
	done
}

asked=0
# must COMMAND...: the command succeeds without an error message.
must()
{
	((++asked))
	vrpmsgctl "$@" >/dev/null 2>>"$tmp/refused" ||
		echo "vrpmsgctl $*: $?" >>"$tmp/refused"
}

# may COMMAND...: the command succeeds or prints a reason, within two seconds plus the
# time for its start.
may()
{
	local begin=${EPOCHREALTIME/./} rc=0 limit=$((3000000 * ${VRPMSG_SLOW:-1}))

	((++asked))
	vrpmsgctl "$@" >/dev/null 2>"$tmp/why" || rc=$?
	((${EPOCHREALTIME/./} - begin < limit)) ||
		echo "vrpmsgctl $*: $((${EPOCHREALTIME/./} - begin)) us" >>"$tmp/late"
	((rc == 0)) || [[ -s $tmp/why ]] ||
		echo "vrpmsgctl $*: $rc without a word" >>"$tmp/late"
}

# ask N: one round of queries
ask()
{
	must dev show
	must dev show "$quiet"
	must ept show
	must ept show dev "$quiet"
	must ept show "$quiet/ept$1"
	must ept set "$quiet/ept$1" rx-limit $((1000 + $1))
	must ns announce "$quiet/ept$1"
	must ns withdraw "$quiet/ept$1"
	must chan show dev "$quiet"
	must chan show
	may dev show "$noisy"
	may ept show dev "$noisy"
	may ept show "$noisy/bound"
	may chan show dev "$noisy"
}

# Print the channels according to the monitor, as "ADDR NAME" lines; exit 1 if the events
# contradict each other. After a loss the monitor prints what exists, and still gets
# older events until it has caught up.
believed()
{
	python3 - "$tmp/events" "$noisy" <<'END'
import json, sys
chans, odd, lost = {}, 0, False
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "lost":
        chans, lost = {}, True
    chan = event.get("chan")
    if not chan or chan["dev"] != sys.argv[2]:
        continue
    addr, name = chan["addr"], chan["name"]
    if event["event"] in ("new", "present"):
        odd += addr in chans and not lost
        chans[addr] = name
    elif event["event"] == "del" and addr not in chans:
        pass    # its end is reported since an answer has shown it
    elif chans.get(addr) != name:
        odd += not lost
    elif event["event"] == "del":
        del chans[addr]
for addr in sorted(chans):
    print(addr, chans[addr])
sys.exit(odd > 0)
END
}

is()
{
	vrpmsgctl -j chan show dev "$noisy" |
		python3 -c 'import json, sys
for chan in json.load(sys.stdin): print(chan["addr"], chan["name"])'
}

right_in_the_end()
{
	local i

	for ((i = 0; i < 100; i++)); do
		believed >"$tmp/believed" || { echo "# it was told nonsense"; return 1; }
		is >"$tmp/is"
		cmp -s "$tmp/believed" "$tmp/is" && return
		sleep 0.2
	done
	diff "$tmp/believed" "$tmp/is" | head -n 20 | sed 's/^/# /'
	return 1
}

# Events of the noisy device; after that it may have some more.
few_enough()
{
	local n

	n=$(grep "$noisy" "$tmp/events" | grep -vc '"event":"present"')
	echo "# $n events of the noisy device in $SECONDS s, $1 messages of its guest"
	((n <= 128 * (SECONDS + 2)))
}

# The ends of 1,024 channels have to wait, at 128 per second.
lost_rarely()
{
	local n

	nothing_in "$tmp/monitor" || return
	n=$(grep -c '"event":"lost"' "$tmp/events")
	echo "# lost $n times in $SECONDS s"
	((n <= 1 + SECONDS / 8))
}

nothing_in()
{
	[[ ! -s $1 ]] || { head -n 20 "$1" | sed 's/^/# /'; return 1; }
}

echo "TAP version 13"
touch "$tmp/refused" "$tmp/late"
succeeds "40 endpoints, 12 devices" prepare
vrpmsgctl -j monitor --no-initial >"$tmp/events" 2>"$tmp/monitor" &
monitor=$!
sleep 0.5
SECONDS=0
coproc GUEST { exec "$tests/flood_guest" "$noisy" "$seconds"; }
read -r -t 10 -u "${GUEST[0]}" _
for ((round = 0; SECONDS < seconds; round++)); do
	ask $((round % 40))
done
read -r -t 60 -u "${GUEST[0]}" messages
echo "# $asked commands meanwhile"
succeeds "commands about others succeed" nothing_in "$tmp/refused"
succeeds "commands about its device succeed or say why" nothing_in "$tmp/late"
succeeds "a monitor has the final state" right_in_the_end
succeeds "a monitor hears of few events" few_enough "$messages"
succeeds "a monitor loses events as rarely as documented" lost_rarely
fd=${GUEST[1]}
exec {fd}>&-
wait "$GUEST_PID"
undo
echo "1..$number"
exit $failed
