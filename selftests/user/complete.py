#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Type commands into an interactive shell, with a TAB, as a user would.

usage: complete.py SHELL FOLDER SCRIPT LINE...

Each line is typed, and a TAB after it. The command that it has become runs in the
folder, with its output in a file "N.out", N from 1. Fails when one does not run
in time, and shows what was on the terminal.
"""
import os
import pty
import select
import sys
import time

LIMIT = 60


def start(shell, script):
    """Command line of the shell, and what to type to have the completion."""
    if shell == "bash":
        return ["bash", "--norc", "--noprofile", "-i"], f"source {script}"
    if shell == "zsh":
        # compinit would read all that zsh can complete.
        return (["zsh", "-f", "-i"],
                f"fpath=({os.path.dirname(script)} $fpath); "
                "zmodload zsh/complete; autoload -U _vrpmsgctl; "
                "zle -C complete expand-or-complete _vrpmsgctl; "
                "bindkey '^I' complete")
    return ["fish", "--no-config", "-i"], f"source {script}"


class Terminal:
    def __init__(self, argv, folder):
        self.screen = b""
        pid, self.fd = pty.fork()
        if not pid:
            os.chdir(folder)
            os.environ.update(TERM="dumb", HOME=folder, PS1="$ ")
            os.execvp(argv[0], argv)
        self.pid = pid

    def read(self, seconds):
        """Read for some time, or until it is quiet."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                self.screen += os.read(self.fd, 4096)
            except OSError:
                return

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, folder, line):
        """A command, until it has ended."""
        done = os.path.join(folder, "done")
        self.type(line + "; true >done\r")
        end = time.monotonic() + LIMIT
        while not os.path.exists(done):
            if time.monotonic() > end:
                return False
            self.read(0.05)
        os.unlink(done)
        return True


def main():
    shell, folder, script, *lines = sys.argv[1:]
    argv, setup = start(shell, script)
    term = Terminal(argv, folder)
    ok = term.run(folder, setup)
    # A prompt that comes late throws away what is typed before it.
    term.read(1)
    for number, line in enumerate(lines, 1):
        # What follows the TAB waits in the terminal until completion is over.
        term.type(line + "\t")
        ok = ok and term.run(folder, f" >{number}.out")
    if not ok:
        print(term.screen.decode(errors="replace"))
    os.close(term.fd)
    os.kill(term.pid, 9)
    os.waitpid(term.pid, 0)
    return not ok


sys.exit(main())
