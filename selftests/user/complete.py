#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Type commands into an interactive shell, with a TAB, as a user would.

usage: complete.py SHELL FOLDER SCRIPT LINE...

Types each line and a TAB. The completed command runs in the folder, and its output goes
to a file "N.out", with N from 1. If a command does not run in time, this fails and shows
the content of the terminal.
"""
import os
import pty
import select
import sys
import time

LIMIT = 60


def start(shell, script):
    """Return the command line of the shell, and the input that enables completion."""
    if shell == "bash":
        return ["bash", "--norc", "--noprofile", "-i"], f"source {script}"
    if shell == "zsh":
        # compinit would read all completions of zsh.
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
        """Read for some time, or until there is no more output."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                self.screen += os.read(self.fd, 4096)
            except OSError:
                return

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, folder, line):
        """Type a command, and wait for its end."""
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
    # A late prompt discards earlier input.
    term.read(1)
    for number, line in enumerate(lines, 1):
        # Input after the TAB waits in the terminal until the completion is done.
        term.type(line + "\t")
        ok = ok and term.run(folder, f" >{number}.out")
    if not ok:
        print(term.screen.decode(errors="replace"))
    os.close(term.fd)
    os.kill(term.pid, 9)
    os.waitpid(term.pid, 0)
    return not ok


sys.exit(main())
