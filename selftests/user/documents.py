#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print what documents name that does not exist: links, files, targets of make, commands
of vrpmsgctl, and options of vrpmsg-bridge; and programs that docs/testing.md does not
name.

usage: documents.py PAGE...

The pages are manual pages as text. The programs must be in the PATH. The commands are
run, so they must not reach the module (preload/no_module.c): vrpmsgctl checks its
arguments first.
"""
import glob
import re
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.M | re.S)
HEADING = re.compile(r"^#+ (.*)$", re.M)
# Folders of the kernel's source that have the names of ours.
OTHERS = ("samples/rpmsg/", "tools/net/", "tools/testing/")
# What vrpmsgctl says of arguments that no command can have. A document may omit some.
WRONG = re.compile(r"unknown|conflicts|invalid|come first|is not a|is not allowed")


def anchors(path):
    """The fragments that links to a document may have."""
    text = BLOCK.sub("", path.read_text())
    for heading in HEADING.findall(text):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def check_links(path):
    """Links to other files and to headings."""
    for link in re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", path.read_text())):
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        if link.startswith(("http:", "https:")):
            continue
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield f"no such link: {link}"


def code_of(text, is_page):
    """Lines of code: blocks and spans of a document, or the examples of a page."""
    if is_page:
        yield from text.partition("\nEXAMPLES\n")[2].splitlines()
        return
    for block in BLOCK.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    text = BLOCK.sub("", text)
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text):
        yield " ".join(span.split())
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("    "):
            yield line


def commands_of(line):
    """The words of each command in a line, without comments and redirections."""
    for command in re.split(r"[|;&]+", re.split(r"\s#|(?<=\S)\s{2,}", line)[0]):
        command = re.sub(r"^\s*(sudo |do |[A-Z_]+=\S* )*", "", command)
        command = re.sub(r"^sh -c '(.*)'$", r"\1", command)
        command = re.split(r"\s[0-9]?>", command)[0]
        try:
            yield shlex.split(command) or [""]
        except ValueError:
            yield command.split() or [""]


def check_ctl(words):
    """Run a command of vrpmsgctl. Without the module each one ends at once."""
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        yield f"{' '.join(words)}: does not end"
        return
    if done.returncode == 1 and WRONG.search(done.stderr):
        yield f"{' '.join(words)}: {done.stderr.strip()}"


def check_words(words, known):
    """Options of vrpmsg-bridge, and targets of make in the top folder."""
    pattern = "--[a-z-]+" if words[0] == "vrpmsg-bridge" else "[a-z][a-z_-]*"
    for word in words[1:]:
        if re.fullmatch(pattern, word) and word not in known:
            yield f"{' '.join(words)}: unknown: {word}"


def check_files(line):
    """Files of the repository. Other folders belong to builds or to other projects."""
    folders = {p.name for p in TOP.iterdir() if p.is_dir()} - {"build"}
    for word in re.findall(r"[\w.@*/{},-]+", line):
        folder = word.split("/")[0]
        if "/" not in word or folder not in folders or "{" in word or \
                word.startswith(OTHERS):
            continue
        if not glob.glob(str(TOP / word.rstrip(".,"))):
            yield f"no such file: {word}"


def check_tests():
    """The table of all tests."""
    text = (TOP / "docs/testing.md").read_text()
    for path in sorted(TOP.glob("selftests/*/*_*.*")):
        if re.fullmatch(r"(test|host)_\w+\.(c|sh)", path.name) and \
                f"`{path.stem}`" not in text:
            yield f"testing.md does not have {path.stem}"


def main(pages):
    """Check the documents of the repository, and then the pages."""
    usage = subprocess.run(["vrpmsg-bridge", "--help"], capture_output=True,
                           text=True, check=True).stdout
    options = set(re.findall("--[a-z-]+", usage))
    makefile = (TOP / "Makefile").read_text().replace("\\\n", " ")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.M)[0].split())
    documents = sorted(TOP.glob("*.md")) + sorted(TOP.glob("*/*.md"))
    commands = 0
    for path in documents + [Path(page) for page in pages]:
        is_page = path.suffix != ".md"
        faults = [] if is_page else list(check_links(path))
        for line in code_of(path.read_text(), is_page):
            faults += [] if is_page else check_files(line)
            for words in commands_of(line):
                if words[0] == "vrpmsgctl":
                    commands += 1
                    faults += check_ctl(words)
                elif words[0] == "vrpmsg-bridge":
                    faults += check_words(words, options)
                elif words[0] == "make" and "-C" not in words:
                    faults += check_words(words, targets)
        for fault in faults:
            print(f"{path.name}: {fault}")
    for fault in check_tests():
        print(fault)
    if commands < 40:
        print(f"there are only {commands} commands of vrpmsgctl")


main(sys.argv[1:])
