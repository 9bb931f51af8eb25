#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print C tables for fuzz_host: the requests of the netlink spec with their
attributes, and the errors that the header documents.

usage: fuzz_host_tables.py SPEC HEADER
"""
import re
import sys

import yaml

# Kinds of values for fuzz_host: ids and addresses have their own kinds.
KINDS = {"u32": "U32", "string": "STRING", "flag": "FLAG"}
ROLES = {("dev", "id"): "DEV_ID", ("ept", "dev-id"): "DEV_ID",
         ("chan", "dev-id"): "DEV_ID", ("ept", "id"): "EPT_ID",
         ("ept", "addr"): "ADDR", ("ept", "remote"): "ADDR",
         ("chan", "addr"): "ADDR"}


def constant(*words):
    return "VHOST_RPMSG_" + "_".join(words).upper().replace("-", "_")


def attribute(space, attr, enums):
    checks = attr.get("checks", {})
    low, high = checks.get("min", 0), checks.get("max", 0xffffffff)
    if attr["type"] == "string":
        high = checks.get("max-len", 32)
    elif "enum" in attr:
        high = len(enums[attr["enum"]]) - 1
    return "\t{ %s, %s, %d, %dU },\n" % (
        constant("a", space, attr["name"]),
        ROLES.get((space, attr["name"]), KINDS[attr["type"]]), low, high)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = yaml.safe_load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        errors = re.findall(r"^ \* (E[A-Z0-9]+)\t", file.read(), re.M)
    spaces = {s["name"]: {a["name"]: a for a in s["attributes"]}
              for s in spec["attribute-sets"]}
    enums = {d["name"]: d["entries"] for d in spec["definitions"]}

    requests = ""
    for op in spec["operations"]["list"]:
        if "do" not in op:
            continue
        space, name = op["attribute-set"], op["name"].replace("-", "_")
        print("static const struct attr %s_attrs[] = {" % name)
        for attr in op["do"]["request"]["attributes"]:
            print(attribute(space, spaces[space][attr], enums), end="")
        print("};\n")
        requests += "\t{ \"%s\", %s, %s, %s_attrs, ARRAY_SIZE(%s_attrs) },\n" % (
            op["name"], constant("cmd", op["name"]),
            "true" if "dump" in op else "false", name, name)
    print("const struct request requests[] = {\n%s};\n" % requests)

    # User space gets another error in place of ERESTARTSYS.
    errors = ["EINTR" if e == "ERESTARTSYS" else e for e in errors]
    print("static const int documented[] = {\n\t%s\n};" % ", ".join(errors))


main()
