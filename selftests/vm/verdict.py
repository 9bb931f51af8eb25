#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Decide whether a run has failed. The scripts of this folder use it; verdict_test.py has
its tests.

usage: verdict.py log [--own-races] [--failed-cache] [--known-guest-fault] LOG
       verdict.py tap WHERE FOLDER TEST
       verdict.py early LOG

log    Print the lines of a kernel's log that fail a run, and some lines after
       each. Status 1 if there are any.
       --own-races ignores KCSAN reports of races in which neither side was in
       the module or in vhost. --failed-cache ignores that the module's cache
       could not be created, which fault_sweep causes. --known-guest-fault
       ignores the warning of a guest's virtio_rpmsg_bus that docs/guest.md
       describes.
tap    Print a summary of the output that vm/tests has saved for a test, and the
       output itself if the test failed. The last line has the number of tests
       that passed, failed and were skipped.
early  Status 0 if the kernel died before it ran its first process. That is not
       caused by the module, which is loaded much later.

The status is not 0 if a file cannot be read or if this program fails.
"""
import os
import re
import sys

# Lines to print after a bad line of a log, and in total.
CONTEXT = 25
MAX_SHOWN = 200
# Lines to print of a failed test.
MAX_SAID = 60
MAX_SKIPS = 20

BAD = re.compile(
    r"WARNING: |BUG: |BUG |Oops|general protection fault"
    r"|KASAN|KCSAN|UBSAN|kmemleak: [1-9]|INFO: task .* blocked"
    r"|possible (recursive|circular|irq lock)|inconsistent lock"
    r"|suspicious RCU usage|rcu: INFO|soft lockup|hard LOCKUP"
    r"|refcount_t: |list_(add|del) corruption|Call Trace:"
    r"|sleeping function called from|Kernel panic|ODEBUG"
    r"|Object already free|Redzone overwritten|Poison overwritten")


def read_lines(path):
    """Return the lines of a file that may contain any bytes, like a serial log."""
    with open(path, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.rstrip("\r") for line in lines]


def message(line):
    """Return a line of a kernel's log without the leading time and caller."""
    return re.sub(r"^(\[[^\]]*\])+ ?", "", line)


def without_other_races(lines):
    """
    Drop the reports of KCSAN that do not concern the module. A function that was
    interrupted (also by a page fault) did not take part in the race, so the stack
    below the interrupt does not count. Neither does that of a function for which
    memory is reclaimed, nor the wake-up of a poll(), since
    the kernel does not synchronise that flag. A report that is cut off by the next
    report or by the end of the log is kept.
    """
    kept, report = [], []
    for i, line in enumerate(lines):
        is_rule = message(line).endswith("==========")
        if is_rule and "BUG: KCSAN" in "".join(lines[i + 1:i + 2]):
            kept += report
            report = [line]
        elif is_rule and report:
            if race_is_own(report):
                kept += report
            report = []
        elif report:
            report.append(line)
        else:
            kept.append(line)
    return kept + report


def race_is_own(report):
    in_stack = False
    if re.search(r" poll_schedule_timeout.* pollwake", report[1]):
        return False
    for line in report[2:]:
        text = message(line)
        if not text.strip() or re.search(
                r" (asm_(sysvec|common_interrupt|exc_page_fault)|shrink_node\+)",
                line):
            in_stack = False
        if " bytes by " in text:
            in_stack = True
        if in_stack and "[vhost" in text:
            return True
    return False


def without_failed_cache(lines):
    """
    Drop the stack that the kernel prints if it cannot create the module's cache. One that
    is cut off, or that contains other errors, is kept. Also drop the number of leaks,
    some of which that causes: vm/debug-tests looks at each of them.
    """
    kept, report = [], []
    for line in lines:
        if re.search(r"kmem_cache_create\w*\(vrpmsg_msg\) failed", line):
            kept += report
            report = [line]
        elif report:
            report.append(line)
            if "</TASK>" in line:
                if sum(bool(BAD.search(part)) for part in report) > 1:
                    kept += report
                report = []
        elif not re.search(r"kmemleak: [0-9]+ new suspected memory leaks", line):
            kept.append(line)
    return kept + report


def without_known_fault(lines):
    """
    Drop the known warning of a guest's virtio_rpmsg_bus. A warning that is cut off, or
    that contains other errors, is kept.
    """
    kept, report = [], []
    for line in lines:
        if "[ cut here ]" in line:
            kept += report
            report = [line]
        elif report:
            report.append(line)
            if "end trace" in line:
                if not fault_is_known(report):
                    kept += report
                report = []
        else:
            kept.append(line)
    return kept + report


def fault_is_known(report):
    if not any(re.search(r"handler vp_interrupt.* enabled interrupts", line)
               for line in report):
        return False
    others = [line for line in report if BAD.search(line)]
    return len(others) <= 2 and all(
        re.search(r"WARNING: .*handle|Call Trace:", line) for line in others)


def find_bad(lines):
    """Return the lines that fail a run, with context; empty if there are none."""
    shown, until, left = [], 0, 0
    for i, line in enumerate(lines):
        if BAD.search(line):
            until = i + CONTEXT + 1
            left += len(shown) >= MAX_SHOWN
        if i < until and len(shown) < MAX_SHOWN:
            shown.append(line)
    if left:
        shown.append(f"... and {left} more bad lines")
    return shown


def judge_log(path, options):
    lines = read_lines(path)
    if "--own-races" in options:
        lines = without_other_races(lines)
    if "--failed-cache" in options:
        lines = without_failed_cache(lines)
    if "--known-guest-fault" in options:
        lines = without_known_fault(lines)
    bad = find_bad(lines)
    for line in bad:
        print(line)
    return 1 if bad else 0


def died_early(path):
    """
    Debian's kernels log that they run /init, which loads modules for the root file
    system. A log that mentions the module is not early.
    """
    for line in read_lines(path):
        if "ommand line: " not in line and re.search(
                r"Run /init as init process|vhost_rpmsg", line):
            return False
    return True


class Tap:
    """The output and the exit status of a test program."""

    def __init__(self, lines, status):
        self.status = status
        self.lines = lines
        results = [line for line in lines if re.match(r"(not )?ok ", line)]
        self.failed = sum(line.startswith("not") for line in results)
        self.skips = [line for line in results if line.startswith("ok ") and
                      re.search(r"# *SKIP", line)]
        self.skipped = len(self.skips)
        self.passed = len(results) - self.failed - self.skipped
        plans = [line for line in lines if re.match(r"1\.\.[0-9]", line)]
        self.plan = int(re.match(r"1\.\.([0-9]+)", plans[0])[1]) if plans \
            else None
        # A program that crashes, hangs or prints no TAP has no full plan.
        self.unfinished = self.plan != len(results)
        if plans and re.match(r"1\.\.0.*# *SKIP", plans[0]):
            self.skipped, self.unfinished = 1, False
            self.skips.append(plans[0])
        if status and not self.failed:
            self.unfinished = True

    def complaints(self):
        """Return the output that explains failures; it precedes the result of a test."""
        said = [line for line in self.lines
                if not re.match(r"ok |# +(RUN|OK)", line)]
        return said[-MAX_SAID:]


def report_tap(where, name, tap, milliseconds):
    failed = tap.failed + tap.unfinished
    print(f"{where:6} {name:16} {tap.passed:4} passed {failed:3} failed "
          f"{tap.skipped:3} skipped {milliseconds / 1000:8.1f} s")
    if tap.unfinished:
        print(f"  the program ended with status {tap.status}, "
              f"plan {'none' if tap.plan is None else tap.plan}")
    if failed:
        for line in tap.complaints():
            print("  " + line)
    for line in tap.skips[:MAX_SKIPS]:
        print("  " + line)
    return tap.passed, failed, tap.skipped


def judge_tap(where, folder, name):
    path = os.path.join(folder, name)
    try:
        status, milliseconds = map(int, read_lines(path + ".status")[0].split())
    except (OSError, IndexError, ValueError):
        print(f"{where}: {name}: did not run")
        return 0, 1, 0
    try:
        lines = read_lines(path + ".tap")
    except OSError:
        lines = []
    return report_tap(where, name, Tap(lines, status), milliseconds)


def main(args):
    sys.stdout.reconfigure(errors="replace")
    options = [arg for arg in args if arg.startswith("--")]
    command, *rest = [arg for arg in args if arg not in options] or [""]
    known = {"--own-races", "--failed-cache", "--known-guest-fault"} if command == "log" else set()
    if not set(options) <= known:
        sys.exit(__doc__)
    if command == "log" and len(rest) == 1:
        return judge_log(rest[0], options)
    if command == "tap" and len(rest) == 3:
        print(*judge_tap(*rest))
        return 0
    if command == "early" and len(rest) == 1:
        return 0 if died_early(rest[0]) else 1
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
