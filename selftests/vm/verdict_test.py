#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Test verdict.py and the functions of lib.sh that call it; prints TAP."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))

import tap      # noqa: E402
import verdict  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
KASAN = "BUG: KASAN: slab-use-after-free in ept_get+0x10/0x20 [vhost_rpmsg]"
RULE = "=" * 66

BAD = [
    "WARNING: CPU: 0 PID: 12 at drivers/vhost/vhost.c:271 vhost_poll_start",
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    KASAN,
    "Oops: 0000 [#1] PREEMPT SMP",
    "general protection fault, probably for non-canonical address",
    "WARNING: possible circular locking dependency detected",
    "WARNING: suspicious RCU usage",
    "INFO: task vhost-12:13 blocked for more than 120 seconds.",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [vhost-12:13]",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "refcount_t: underflow; use-after-free.",
    "list_del corruption. prev->next should be",
    "BUG vhost_rpmsg_msg (Tainted: G): Objects remaining in vhost_rpmsg_msg",
    "BUG: sleeping function called from invalid context at mm/slab.h:1",
    "UBSAN: array-index-out-of-bounds in rings.c:1:2",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "Kernel panic - not syncing: Attempted to kill init!",
    "Call Trace:",
]
FINE = [
    "vhost_rpmsg: loading out-of-tree module taints kernel.",
    "vhost_rpmsg: module verification failed: signature missing",
    "vhost_rpmsg lib: bad ring entry of the guest",
    "kmemleak: 0 new suspected memory leaks",
    "debug: a bug in a text is not one",
]


def stamp(lines):
    """Return the lines in the format of a kernel's log."""
    return [f"[{i:5}.000000] {line}" for i, line in enumerate(lines)]


def race(reader, writer, first="data-race in a / b"):
    """Return a report of KCSAN."""
    return [
        RULE, "BUG: KCSAN: " + first, "",
        "write to 0xffff888005d1a2c8 of 4 bytes by task 12 on cpu 1:",
        *(" " + name for name in writer), "",
        "read to 0xffff888005d1a2c8 of 4 bytes by task 13 on cpu 0:",
        *(" " + name for name in reader), "",
        "Reported by Kernel Concurrency Sanitizer on:", RULE,
    ]


OTHERS = race(["do_sys_poll+0x1/0x2"], ["pipe_write+0x1/0x2"])
OURS = race(["ept_get+0x1/0x2 [vhost_rpmsg]"], ["ept_put+0x1/0x2"])

KNOWN = [
    "------------[ cut here ]------------",
    "irq 11 handler vp_interrupt+0x0/0x90 enabled interrupts",
    "WARNING: CPU: 0 PID: 1 at kernel/irq/handle.c:161 __handle_irq_event",
    "Call Trace:", " <IRQ>", " handle_irq_event+0x1/0x2",
    "---[ end trace 0000000000000000 ]---",
]


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, lines, name="log", end="\n"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            text = "".join(line + end for line in lines)
            file.write(text.encode("utf-8", "surrogateescape"))
        return path

    def program(self, lines, name):
        """Write a program into the folder of a tree of our own."""
        os.makedirs(self.folder + "/selftests/vm", exist_ok=True)
        os.chmod(self.write(lines, "selftests/vm/" + name), 0o755)

    def copy(self, name):
        os.makedirs(self.folder + "/selftests/vm", exist_ok=True)
        shutil.copy(os.path.join(HERE, name), self.folder + "/selftests/vm")

    def run_verdict(self, *args):
        return subprocess.run(
            [os.path.join(HERE, "verdict.py"), *args], check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def shell(self, script, *args):
        """Run a script that has sourced lib.sh."""
        script = f". {HERE}/lib.sh; {script}"
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script, "-", *args],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def assert_bad(self, path, *options, bad=True):
        self.assertEqual(self.run_verdict("log", *options, path).returncode,
                         int(bad))
        # Call it like the scripts, without reading all of the answer.
        said = self.shell('if bad_log_lines "$@" >/dev/null; then echo bad; fi',
                          *options, path)
        self.assertEqual(said.stdout == b"bad\n", bad)


class Log(Files):
    def test_bad_lines(self):
        for line in BAD:
            with self.subTest(line):
                path = self.write(stamp(["Linux version 6.12", line, "test: a"]))
                self.assertEqual(self.run_verdict("log", path).returncode, 1)

    def test_fine_lines(self):
        self.assert_bad(self.write(stamp(FINE)), bad=False)

    def test_empty_log(self):
        self.assert_bad(self.write([]), bad=False)

    def test_no_log(self):
        ret = self.run_verdict("log", self.folder + "/none")
        self.assertNotEqual(ret.returncode, 0)
        self.assertEqual(
            self.shell("bad_log_lines /none && echo bad").stdout, b"bad\n")

    def test_2000_reports(self):
        path = self.write(stamp([KASAN] * 2000))
        self.assert_bad(path)
        shown = self.run_verdict("log", path).stdout.decode().splitlines()
        self.assertEqual(len(shown), verdict.MAX_SHOWN + 1)
        self.assertEqual(shown[-1], "... and 1800 more bad lines")

    def test_2000_long_reports(self):
        self.assert_bad(self.write(stamp(OURS * 2000)), "--own-races")

    def test_log_of_several_mib(self):
        filler = stamp(["systemd[1]: nothing of interest happens here"] * 100000)
        path = self.write(filler)
        self.assertGreater(os.path.getsize(path), 4 << 20)
        self.assert_bad(path, bad=False)
        self.assert_bad(self.write([*filler, KASAN]))
        self.assert_bad(self.write([KASAN, *filler]))

    def test_report_cut_by_the_end(self):
        path = self.write(["fine"])
        with open(path, "a", encoding="utf-8") as file:
            file.write("[   1.0] BUG: KAS")
        self.assert_bad(path)

    def test_cr_lf(self):
        self.assert_bad(self.write(stamp(BAD), end="\r\n"))
        self.assert_bad(self.write(stamp(FINE), end="\r\n"), bad=False)

    def test_bytes_that_are_no_text(self):
        self.assert_bad(self.write(["\udcff\udc80\x00", KASAN]))
        self.assert_bad(self.write(["\udcff\udc80\x00"]), bad=False)

    def test_context_is_shown(self):
        lines = [KASAN, *(f"line {i}" for i in range(40))]
        shown = verdict.find_bad(lines)
        self.assertEqual(shown, lines[:1 + verdict.CONTEXT])

    def test_unknown_option(self):
        path = self.write([])
        self.assertNotEqual(
            self.run_verdict("log", "--own-race", path).returncode, 0)


CACHE = ["__kmem_cache_create_args(vrpmsg_msg) failed with error -12",
         "CPU: 0 UID: 0 PID: 7041 Comm: fault_sweep", "Call Trace:", " <TASK>",
         " vrpmsg_msg_init+0x99/0x100 [vhost_rpmsg]", " </TASK>"]


class FailedCache(Files):
    def test_it_does_not_count(self):
        path = self.write(stamp(CACHE * 3))
        self.assert_bad(path, "--failed-cache", bad=False)
        self.assert_bad(path)

    def test_what_follows_counts(self):
        self.assert_bad(self.write(stamp(CACHE + [KASAN])), "--failed-cache")

    def test_leaks_are_judged_elsewhere(self):
        path = self.write(stamp(["kmemleak: 34 new suspected memory leaks (see it)"]))
        self.assert_bad(path, "--failed-cache", bad=False)
        self.assert_bad(path)

    def test_what_it_contains_counts(self):
        self.assert_bad(self.write(stamp(CACHE[:4] + [KASAN] + CACHE[4:])),
                        "--failed-cache")

    def test_one_that_is_cut_off_counts(self):
        self.assert_bad(self.write(stamp(CACHE[:-1])), "--failed-cache")
        self.assert_bad(self.write(stamp(CACHE[:-1] + CACHE)), "--failed-cache")

    def test_another_cache_counts(self):
        lines = [CACHE[0].replace("vrpmsg", "other")] + CACHE[1:]
        self.assert_bad(self.write(stamp(lines)), "--failed-cache")


class Races(Files):
    def test_others_do_not_count(self):
        self.assert_bad(self.write(stamp(OTHERS * 3)), "--own-races", bad=False)
        self.assert_bad(self.write(stamp(OTHERS)))

    def test_ours_count(self):
        self.assert_bad(self.write(stamp(OTHERS + OURS + OTHERS)), "--own-races")

    def test_ours_count_with_cr_lf(self):
        path = self.write(stamp(OTHERS), end="\r\n")
        self.assert_bad(path, "--own-races", bad=False)
        path = self.write(stamp(OURS), end="\r\n")
        self.assert_bad(path, "--own-races")

    def test_who_was_interrupted_has_not_raced(self):
        stack = ["tick+0x1/0x2", "asm_sysvec_apic_timer_interrupt+0x1/0x2",
                 "ept_get+0x1/0x2 [vhost_rpmsg]"]
        self.assert_bad(self.write(stamp(race(stack, ["tick+0x1/0x2"]))),
                        "--own-races", bad=False)

    def test_who_needs_memory_has_not_raced(self):
        stack = ["plug+0x1/0x2", "shrink_node+0x1/0x2", "charge+0x1/0x2",
                 "writer_alloc+0x1/0x2 [vhost_rpmsg]"]
        self.assert_bad(self.write(stamp(race(stack, ["tick+0x1/0x2"]))),
                        "--own-races", bad=False)
        stack.insert(0, "spare_scan+0x1/0x2 [vhost_rpmsg]")
        self.assert_bad(self.write(stamp(race(stack, ["tick+0x1/0x2"]))),
                        "--own-races")

    def test_waking_a_poll_does_not_count(self):
        lines = race(["pollwake+0x1/0x2", "vhost_work+0x1/0x2 [vhost]"],
                     ["poll_schedule_timeout+0x1/0x2"],
                     "data-race in poll_schedule_timeout.constprop.0 / pollwake")
        self.assert_bad(self.write(stamp(lines)), "--own-races", bad=False)

    def test_report_cut_by_the_end(self):
        for length in range(2, len(OTHERS) - 1):
            path = self.write(stamp(OTHERS[:length]))
            self.assert_bad(path, "--own-races")
        self.assert_bad(self.write(stamp(OTHERS[:1])), "--own-races", bad=False)

    def test_report_cut_by_the_next(self):
        self.assert_bad(self.write(stamp(OTHERS[:5] + OTHERS)), "--own-races")

    def test_kasan_uses_the_same_rules(self):
        lines = [RULE, KASAN, "Read of size 8", RULE]
        self.assert_bad(self.write(stamp(OTHERS + lines + OTHERS)),
                        "--own-races")


class KnownFault(Files):
    def test_it_does_not_count(self):
        path = self.write(stamp(KNOWN))
        self.assert_bad(path, "--known-guest-fault", bad=False)
        self.assert_bad(path)

    def test_another_warning_counts(self):
        other = [line.replace("vp_interrupt", "e1000_intr") for line in KNOWN]
        self.assert_bad(self.write(stamp(KNOWN + other + KNOWN)),
                        "--known-guest-fault")

    def test_trouble_inside_of_it_counts(self):
        for line in BAD:
            if line != "Call Trace:":
                lines = KNOWN[:5] + [line] + KNOWN[5:]
                self.assertTrue(verdict.find_bad(
                    verdict.without_known_fault(lines)), line)

    def test_a_warning_that_is_cut_counts(self):
        cut = ["------------[ cut here ]------------", "WARNING: somewhere"]
        self.assert_bad(self.write(stamp(cut + KNOWN)), "--known-guest-fault")
        self.assert_bad(self.write(stamp(KNOWN[:-1])), "--known-guest-fault")


class Early(Files):
    def early(self, lines):
        return self.run_verdict("early", self.write(stamp(lines))).returncode

    def test_before_init(self):
        self.assertEqual(self.early(["Linux version 6.12", "int3: 0000 [#1]"]), 0)
        self.assertEqual(self.early([]), 0)
        self.assertEqual(self.early(
            ["Command line: vrpmsg_top=/src/vhost_rpmsg console=ttyS0"]), 0)

    def test_after_init(self):
        self.assertEqual(self.early(["Run /init as init process"]), 1)

    def test_after_the_module(self):
        self.assertEqual(self.early([FINE[0], "Oops: 0000 [#1]"]), 1)
        self.assertEqual(self.early([KASAN]), 1)

    def test_no_log(self):
        self.assertNotEqual(
            self.run_verdict("early", self.folder + "/none").returncode, 0)


class Counting(Files):
    def judge(self, tap, status="0 1500", end="\n"):
        self.write(tap, "test_a.tap", end)
        self.write([status] if status else [], "test_a.status")
        out = self.run_verdict("tap", "6.12", self.folder, "test_a")
        self.assertEqual(out.returncode, 0)
        *self.said, numbers = out.stdout.decode().splitlines()
        return tuple(map(int, numbers.split()))

    def test_all_is_well(self):
        tap = ["TAP version 13", "1..2", "# RUN a", "ok 1 - a", "ok 2 - b"]
        self.assertEqual(self.judge(tap), (2, 0, 0))
        self.assertEqual(len(self.said), 1)
        self.assertIn("1.5 s", self.said[0])
        self.assertEqual(self.judge(tap, end="\r\n"), (2, 0, 0))

    def test_plan_at_the_end(self):
        self.assertEqual(self.judge(["ok 1", "1..1"]), (1, 0, 0))

    def test_failure(self):
        self.assertEqual(self.judge(
            ["1..2", "# why", "not ok 1 - a", "ok 2 - b"], "1 3"), (1, 1, 0))
        self.assertIn("  # why", self.said)

    def test_skips(self):
        self.assertEqual(self.judge(
            ["1..2", "ok 1 # SKIP no uring", "ok 2"]), (1, 0, 1))
        self.assertIn("  ok 1 # SKIP no uring", self.said)
        self.assertEqual(self.judge(["1..0 # SKIP no kernel"]), (0, 0, 1))

    def test_a_plan_that_is_not_kept(self):
        self.assertEqual(self.judge(["1..3", "ok 1", "ok 2"]), (2, 1, 0))
        self.assertEqual(self.judge(["1..1", "ok 1", "ok 2"]), (2, 1, 0))
        self.assertEqual(self.judge(["ok 1"]), (1, 1, 0))
        self.assertEqual(self.judge([]), (0, 1, 0))

    def test_a_bad_status(self):
        self.assertEqual(self.judge(["1..1", "ok 1"], "139 3"), (1, 1, 0))
        self.assertIn("  the program ended with status 139, plan 1", self.said)
        self.assertEqual(self.judge(["1..0 # SKIP"], "1 3"), (0, 1, 1))

    def test_did_not_run(self):
        for status in ("", "0", "x y", "1 2 3"):
            self.assertEqual(self.judge(["1..1", "ok 1"], status), (0, 1, 0))

    def test_what_many_failures_say(self):
        tap = ["1..5000", *(f"not ok {i} - {'x' * 60}" for i in range(5000))]
        self.assertEqual(self.judge(tap, "1 3"), (0, 5000, 0))
        self.assertEqual(len(self.said), 1 + verdict.MAX_SAID)

    def test_the_shell_adds_up(self):
        self.judge(["1..3", "ok 1", "not ok 2", "ok 3 # SKIP"], "1 3")
        out = self.shell(
            'count a "$1" test_a; count a "$1" test_a; count a "$1" none; '
            "echo $passed $failed $skipped", self.folder)
        self.assertEqual(out.stdout.splitlines()[-1], b"2 3 2")
        self.assertIn(b"none: did not run", out.stdout)

    def test_the_shell_ends_when_the_program_does(self):
        out = self.shell("count too few arguments are never enough; echo went on")
        self.assertNotEqual(out.returncode, 0)
        self.assertNotIn(b"went on", out.stdout)


# A replacement for vm/run: the scenarios pass, and the VM's status is that of the file.
FAKE_RUN = """#!/bin/bash
dir=$2
mkdir -p "$dir/guest"
printf 'ok 1 - a\\n1..1\\n' >"$dir/scenarios.tap"
echo "Linux version 6.12" | tee "$dir/console" >"$dir/guest/a.console"
echo "what run says" >&2
cp "$BUILD/status" "$dir" || exit 99
exit "$(<"$dir/status")"
"""


class Guest(Files):
    def check_guest(self, status):
        """Return whether vm/check-guest succeeded, and its output."""
        for name in ("check-guest", "lib.sh", "verdict.py"):
            self.copy(name)
        for name in ("fetch", "build-modules"):
            self.program(["#!/bin/sh"], name)
        self.program([FAKE_RUN], "run")
        self.write(["tools:"], "Makefile")
        if status is not None:
            self.write([str(status)], "status")
        ret = subprocess.run(
            [self.folder + "/selftests/vm/check-guest"], check=False,
            env=dict(os.environ, BUILD=self.folder, KERNEL="6.12", PREPARED="1",
                     S="1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return ret.returncode == 0, ret.stdout.decode().splitlines()

    def test_all_is_well(self):
        passed, said = self.check_guest(0)
        self.assertTrue(passed)
        self.assertEqual(said[-1], "2 passed, 0 failed, 0 skipped")

    def test_a_vm_with_another_status(self):
        passed, said = self.check_guest(97)
        self.assertFalse(passed)
        self.assertIn("not ok 2 - 6.12: the VM's status is 97", said)

    def test_a_vm_that_hangs_after_the_scenarios(self):
        passed, said = self.check_guest(None)
        self.assertFalse(passed)
        self.assertIn("# what run says", said)
        self.assertIn("not ok 2 - 6.12: the VM's status is none", said)
        self.assertEqual(said[-1], "2 passed, 1 failed, 0 skipped")


class Quietly(Files):
    def test_nothing_is_said_of_success(self):
        out = self.shell('quietly "$1/log" echo hello; echo is well', self.folder)
        self.assertEqual((out.stdout, out.stderr), (b"is well\n", b""))

    def test_a_function_ends_at_its_first_error(self):
        out = self.shell('steps() { echo why; false; echo went on; }; '
                         'quietly "$1/log" steps; echo is well', self.folder)
        self.assertNotEqual(out.returncode, 0)
        self.assertEqual(out.stdout, b"")
        self.assertTrue(out.stderr.startswith(b"why\nerror: failed: steps "))

    def test_later_errors_are_noticed(self):
        out = self.shell('quietly "$1/log" true; false; echo is well', self.folder)
        self.assertEqual((out.returncode, out.stdout), (1, b""))


# A replacement for QEMU: the N-th argument says what the N-th call does.
FAKE_QEMU = """#!/bin/bash
n=$(($(cat "$FAKE/calls" 2>/dev/null) + 1))
echo $n >"$FAKE/calls"
say() { printf '[    1.0] %s\\r\\n' "$@" >>"$FAKE/console"; }
: >"$FAKE/console"
say "Linux version 6.12"
case $(sed -n ${n}p "$FAKE/plan") in
early)	say "int3: 0000 [#1]" ;;
silent)	rm "$FAKE/console" ;;
hang)	sleep 60 ;;
late)	say "Run /init as init process" "Oops: 0000 [#1]" ;;
ours)	say "vhost_rpmsg: loading out-of-tree module taints kernel." ;;
good)	say "Run /init as init process"
	echo 0 >"$FAKE/status" ;;
bad)	say "Run /init as init process"
	echo 3 >"$FAKE/status" ;;
esac
exit 0
"""


class Boot(Files):
    def boot(self, *plan):
        """Return the statuses of vm/run, the number of boots, and whether it reports them."""
        for name in ("cache/kernel/fake", "bin", "out"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        self.write(["6.12.0-fake"], "cache/kernel/fake/release")
        self.write(plan, "out/plan")
        self.write([], "out/calls")
        qemu = self.write([FAKE_QEMU], "bin/qemu-system-x86_64")
        os.chmod(qemu, 0o755)
        out = os.path.join(self.folder, "out")
        env = dict(os.environ, FAKE=out, PATH=os.path.dirname(qemu) + ":" +
                   os.environ["PATH"], VRPMSG_CACHE=self.folder + "/cache")
        ret = subprocess.run(
            [os.path.join(HERE, "run"), "-t", "2", "-o", out, "fake", "true"],
            env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        calls = int(verdict.read_lines(out + "/calls")[0])
        said = self.shell('say_booted_twice a "$1"', out).stderr
        self.assertEqual(calls == 2, b"booting it once more" in ret.stderr)
        self.assertEqual(calls == 2, b"was booted once more" in said)
        return ret.returncode, calls

    def test_the_status_is_the_commands(self):
        self.assertEqual(self.boot("good"), (0, 1))
        self.assertEqual(self.boot("bad"), (3, 1))

    def test_an_early_death_is_tried_once_more(self):
        self.assertEqual(self.boot("early", "good"), (0, 2))
        self.assertEqual(self.boot("early", "bad"), (3, 2))

    def test_it_is_tried_once_more_only_once(self):
        self.assertEqual(self.boot("early", "early", "good"), (99, 2))

    def test_a_later_death_counts(self):
        self.assertEqual(self.boot("late", "good"), (99, 1))
        self.assertEqual(self.boot("ours", "good"), (99, 1))

    def test_a_vm_that_hangs_is_not_tried_again(self):
        self.assertEqual(self.boot("hang", "good"), (99, 1))

    def test_a_vm_without_a_log_is_not_tried_again(self):
        self.assertEqual(self.boot("silent", "good"), (99, 1))


# A replacement for vm/check: it fails in the call that the file names.
FAKE_CHECK = """#!/bin/bash
echo "$KERNEL $T" >>"$BUILD/calls"
(($(wc -l <"$BUILD/calls") != $(cat "$BUILD/fails_in")))
"""


class Repeat(Files):
    def repeat(self, *failed, fails_in=0):
        """Return whether vm/repeat succeeded, and what it ran."""
        for name in ("repeat", "lib.sh"):
            self.copy(name)
        self.program([FAKE_CHECK], "check")
        calls = self.write([], "calls")
        self.write([str(fails_in)], "fails_in")
        self.write(failed, "failures")
        ret = subprocess.run(
            [self.folder + "/selftests/vm/repeat"], check=False, capture_output=True,
            env=dict(os.environ, BUILD=self.folder))
        with open(calls, encoding="ascii") as file:
            return ret.returncode == 0, file.read().split("\n")[:-1]

    def test_what_failed_passes_five_times(self):
        self.assertEqual(self.repeat("7.3 test_a", "host host_b"),
                         (True, ["7.3 test_a"] * 5 + ["6.12 host_b"] * 5))

    def test_one_more_failure_is_one_too_many(self):
        self.assertEqual(self.repeat("6.1 test_a", fails_in=5),
                         (False, ["6.1 test_a"] * 5))

    def test_what_is_not_repeated(self):
        self.assertEqual(self.repeat("6.1 test_a", "final"), (False, []))
        self.assertEqual(self.repeat("", "final"), (False, []))
        self.assertEqual(self.repeat(*["6.1 test_a"] * 4), (False, []))
        self.assertEqual(self.repeat(), (False, []))


class Locale(Files):
    def german(self):
        """Return an environment where numbers have a decimal comma."""
        subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8",
             self.folder + "/de_DE.UTF-8"], check=True)
        return dict(os.environ, LOCPATH=self.folder, LC_ALL="de_DE.UTF-8")

    def said(self, script):
        return subprocess.run(
            ["bash", "-c", "tmp=/tmp; " + script], env=self.german(),
            check=True, stdout=subprocess.PIPE).stdout

    def test_all_tests_run(self):
        names = [f"{self.folder}/test_{i}" for i in range(100)]
        for name in names:
            os.symlink("/bin/true", name)
        subprocess.run([os.path.join(HERE, "tests"), self.folder, *names],
                       env=self.german(), check=False)
        for name in names:
            status, duration = verdict.read_lines(name + ".status")[0].split()
            self.assertEqual(status, "0")
            self.assertLess(int(duration), 60000)

    def test_numbers_of_scripts(self):
        show = "echo $EPOCHREALTIME"
        self.assertIn(b",", self.said(show))
        for name in ("lib.sh", "../user/ctl.sh"):
            self.assertIn(b".", self.said(f". {HERE}/{name}; {show}"))


# A replacement for apt-get: apt fails if another process has locked its lists.
FAKE_APT = """#!/bin/bash
[[ $* != indextargets* ]] || exec echo stable http://mirror/
[[ " $* " == *" update "* ]] && mkdir "$0.lock" && sleep 0.5 && rmdir "$0.lock"
"""


class Cache(Files):
    def make(self, folder, *args):
        """Return what make prints; HOME is not set."""
        unset = ("HOME", "KERNEL", "MAKEFLAGS", "MAKEOVERRIDES", "VRPMSG_CACHE")
        env = {name: value for name, value in os.environ.items()
               if name not in unset}
        return subprocess.run(
            ["make", "-s", "-C", os.path.join(HERE, folder), *args], env=env,
            check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()

    def test_without_a_home(self):
        self.write([], "lib.mk")
        folders = self.shell('unset HOME VRPMSG_CACHE; . "$top/selftests/vm/lib.sh"; '
                             'echo "$cache"').stdout.decode().splitlines()
        for folder in ("../..", ".."):
            self.assertEqual(folders, self.make(
                folder, "KSELFTEST=" + self.folder,
                "--eval=show:; @echo $(VRPMSG_CACHE)", "show"))

    def test_tests_are_compiled_with_the_harness_of_612(self):
        for args, fetched in ((("KERNEL=6.1",), "6.1 6.12"), ((), "6.12")):
            said = self.make("../..", "-n", "vm", "MAKE=true", *args)
            self.assertIn("selftests/vm/fetch " + fetched, said)

    def test_one_script_at_a_time_reads_package_lists(self):
        self.program([FAKE_APT], "apt-get")
        out = self.shell('cache=$1/cache build=$1/build PATH=$1/selftests/vm:$PATH; '
                         'setup_private_apt & one=$!; setup_private_apt; wait $one; '
                         'echo is well', self.folder)
        self.assertEqual(out.stdout, b"is well\n")
        self.assertEqual(out.stderr, b"== reading package lists (amd64)\n")


class Pipes(Files):
    def test_reading_a_part_of_the_answer(self):
        path = self.write(stamp([KASAN] * 20000))
        out = self.shell('bad_log_lines "$1" | head -n 1; '
                         'bad_log_lines "$1" >/dev/full && echo bad', path)
        self.assertTrue(out.stdout.endswith(b"bad\n"))


if __name__ == "__main__":
    sys.exit(tap.main())
