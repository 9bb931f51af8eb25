# SPDX-License-Identifier: GPL-2.0-only
"""Run the unittest cases of the program that imports this, and print TAP."""
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.failed = False

    def stopTest(self, test):
        broken = [text for case, text in self.failures + self.errors
                  if test.id() in case.id()]
        for text in broken:
            print("".join(f"# {line}\n" for line in text.splitlines()), end="")
        name = test.id().partition(".")[2]
        print(f"{'not ' if broken else ''}ok {self.testsRun} {name}", flush=True)


def main():
    """Return the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    print("TAP version 13")
    print(f"1..{suite.countTestCases()}")
    return not suite.run(TapResult()).wasSuccessful()
