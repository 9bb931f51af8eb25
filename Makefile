# SPDX-License-Identifier: GPL-2.0-only
#
# vhost-rpmsg. `make help` lists the targets.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
# systemd and udev read folders of these names in both /usr/local/lib and /usr/lib.
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev
PRESETDIR ?= $(PREFIX)/lib/systemd/system-preset
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
# The folder for `make python-install`: Debian's Python has one for each version
# below /usr/local.
PYTHONDIR ?= $(shell $(PYTHON) -c \
	'import sysconfig; print(sysconfig.get_path("purelib"))')
KVER ?= $(shell uname -r)
BUILD ?= build
O := $(BUILD)/user

VERSION := 0.1.0
SOVERSION := 0

CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
# Debian's Python, since Debian's cffi belongs to it.
PYTHON ?= /usr/bin/python3
STRIP ?= strip
# make's default for CC is cc.
ifeq ($(origin CC),default)
CC := gcc
endif
# clang warns about some things that gcc accepts.
CLANG_WARN := -Wno-missing-field-initializers -Wno-uninitialized
WARN := -Wall -Wextra
ifneq ($(findstring clang,$(CC)),)
WARN += $(CLANG_WARN)
endif
# Tests and lint set WERROR. A new compiler must not break a release.
ifneq ($(WERROR),)
WARN += -Werror
endif
NL_CFLAGS = $(shell $(PKG_CONFIG) --cflags libnl-3.0 libnl-genl-3.0)
NL_LIBS = $(shell $(PKG_CONFIG) --libs libnl-3.0 libnl-genl-3.0)
LIBS_vrpmsgctl := -lm
URING_LIBS = $(shell $(PKG_CONFIG) --exists liburing && $(PKG_CONFIG) --libs liburing)
VM := selftests/vm
VRPMSG_CACHE ?= $(or $(HOME),/root)/.cache/vhost-rpmsg
# kselftest.h and its harness come from the kernel's source in the cache. Set
# KSELFTEST to use another folder.
KSELFTEST ?= $(VRPMSG_CACHE)/kernel/6.12/source/tools/testing/selftests

CPPFLAGS_ALL = -D_GNU_SOURCE -DVRPMSG_VERSION='"$(VERSION)"' -Iuapi \
	-Ilibvhostrpmsg $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(WARN) $(NL_CFLAGS) $(CFLAGS)

# $(call objects,FOLDER): the object files of a folder
objects = $(patsubst %.c,$(O)/obj/%.o,$(wildcard $(1)/*.c))

LIB_OBJS := $(call objects,libvhostrpmsg)
LIB_SO := $(O)/lib/libvhostrpmsg.so.$(VERSION)
LIBS := $(LIB_SO) $(O)/lib/libvhostrpmsg.a
TOOLS := $(patsubst %,$(O)/bin/%,$(notdir $(patsubst %/,%,$(dir \
	$(wildcard tools/*/main.c)))))
TEST_COMMON := $(call objects,selftests/lib)
# One program for each source, all in one folder, so their names are unique.
TEST_SRCS := $(wildcard selftests/kernel/*.c selftests/user/*.c \
	selftests/fuzz/*.c)
TESTS := $(patsubst %.c,$(O)/selftests/%,$(notdir $(TEST_SRCS)))
# For LD_PRELOAD.
PRELOADS := $(patsubst selftests/user/preload/%.c,$(O)/selftests/%.so,$(wildcard \
	selftests/user/preload/*.c))
BENCH := $(O)/bench/bench
PY := $(O)/python/vhostrpmsg
PY_FILES := $(addprefix $(PY)/,_abi.py $(notdir $(wildcard \
	$(addprefix libvhostrpmsg/python/vhostrpmsg/,*.py *.pyi py.typed))))
EXAMPLES := $(patsubst examples/%.c,$(O)/examples/%,$(wildcard examples/*.c))

SHELL := /bin/bash

.PHONY: all user tools tests examples python asan fuzz check check-guest \
	check-debug check-install demo bench bench-program lint tidy format vm \
	modules install uninstall python-install python-uninstall \
	modules_install modules_uninstall dist deb clean help FORCE
.DELETE_ON_ERROR:

all: tools

tools: $(LIBS) $(TOOLS)

user: tools tests examples python $(BENCH)

tests: $(TESTS) $(PRELOADS)

examples: $(EXAMPLES)

# The Python package in the layout of an installation.
python: $(PY_FILES)

# The library, the tools and the programs for test_asan, in build/asan.
asan:
	@$(MAKE) O=$(BUILD)/asan tools $(BUILD)/asan/selftests/test_lib \
		$(BUILD)/asan/selftests/leaky CFLAGS='-O1 -g \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined'

# The bridge without its main(), log and alarm, with libFuzzer, and with the system calls
# of selftests/fuzz/bridge/kernel.c.
FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_CFLAGS = -O1 -g -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_OBJS := $(patsubst %.c,$(FUZZ)/%.o,$(wildcard selftests/fuzz/bridge/*.c) \
	$(filter-out %/main.c %/log.c %/alarm.c,$(wildcard tools/vrpmsg-bridge/*.c)))

fuzz: $(FUZZ)/fuzz_bridge

$(FUZZ)/fuzz_bridge: $(FUZZ_OBJS)
	@echo '  LD      $@'
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $^

$(FUZZ)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(FUZZ_CC) $(CPPFLAGS_ALL) -std=gnu11 $(WARN) $(CLANG_WARN) \
		$(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ)/tools/%.o: CPPFLAGS_ALL += -Dioctl=kernel_ioctl -Dclose=kernel_close \
	-Dmmap=kernel_mmap -Dmunmap=kernel_munmap \
	-Dprocess_vm_readv=kernel_readv

help:
	@echo 'make                    library and tools, into build/user'
	@echo 'make modules [KVER=...] kernel module, for the running kernel'
	@echo 'make install            library, tools, headers, manual pages, units;'
	@echo '                        PREFIX and DESTDIR say where to, and for one kind'
	@echo '                        BINDIR, SBINDIR, LIBDIR, INCLUDEDIR, DATADIR,'
	@echo '                        MANDIR, UNITDIR, PRESETDIR, UDEVDIR, SYSUSERSDIR'
	@echo 'make uninstall          remove that again, with the same variables'
	@echo 'make python-install     the Python package, into PYTHONDIR;'
	@echo '                        python-uninstall removes it'
	@echo 'make modules_install    the module, into /lib/modules/KVER;'
	@echo '                        modules_uninstall removes it'
	@echo 'make examples           the programs of examples/, into build/user/examples'
	@echo 'make dist               a tarball of what is committed'
	@echo 'make deb                Debian packages of what is here, into build/deb'
	@echo 'make check              all tests, in VMs; KERNEL=6.1 T=test_ring for one'
	@echo 'make check ARCH=all     also on s390x, which is big-endian'
	@echo 'make check-debug        tests and attacks on kernels with sanitizers'
	@echo 'make check-guest        tests with a real guest; part of make check'
	@echo 'make check-install      the packages on bare Debian 12 and 13, in VMs'
	@echo 'make bench              benchmark beside vhost-vsock, in VMs'
	@echo 'make demo               a real guest talks to host processes'
	@echo 'make vm [KERNEL=6.12]   a shell in a VM with the module loaded'
	@echo 'make fuzz               the fuzzer of vrpmsg-bridge; selftests/fuzz/fuzz_bridge.sh'
	@echo 'make lint               static checks'
	@echo 'make format             lay out C files as lint wants it'
	@echo 'make clean              remove build/'

# The compiler writes the dependencies of objects on headers.
$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(LIB_OBJS): CFLAGS_ALL += -fPIC -fvisibility=hidden
$(O)/obj/selftests/%: CPPFLAGS_ALL += -isystem $(KSELFTEST) -Iselftests/lib
# Callers of EPT_REQ() override its defaults.
$(O)/obj/selftests/%: CFLAGS_ALL += -Wno-override-init

# Tables of netlink attributes and errors for fuzz_host.
$(O)/gen/fuzz_host_tables.h: selftests/fuzz/fuzz_host_tables.py \
		docs/netlink/specs/vhost_rpmsg.yaml uapi/linux/vhost_rpmsg.h
	@mkdir -p $(@D)
	@echo '  GEN     $@'
	@python3 $^ >$@

$(O)/obj/selftests/fuzz/host/calls.%: CPPFLAGS_ALL += -I$(O)/gen
$(O)/obj/selftests/fuzz/host/calls.o $(O)/obj/selftests/fuzz/host/calls.tidy: \
	$(O)/gen/fuzz_host_tables.h

$(LIB_SO): $(LIB_OBJS) libvhostrpmsg/libvhostrpmsg.map
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) -shared -Wl,-soname,libvhostrpmsg.so.$(SOVERSION) -Wl,-z,defs \
		-Wl,--version-script=libvhostrpmsg/libvhostrpmsg.map \
		$(CFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJS) $(NL_LIBS)
	@ln -sf $(@F) $(O)/lib/libvhostrpmsg.so.$(SOVERSION)
	@ln -sf $(@F) $(O)/lib/libvhostrpmsg.so

$(PY)/_abi.py: libvhostrpmsg/python/cdef.py libvhostrpmsg/vhostrpmsg.h
	@mkdir -p $(@D)
	@echo '  GEN     $@'
	@$(PYTHON) $^ $@

$(PY)/%: libvhostrpmsg/python/vhostrpmsg/%
	@mkdir -p $(@D)
	@cp $< $@

$(O)/lib/libvhostrpmsg.a: $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo '  AR      $@'
	@rm -f $@
	@$(AR) rcs $@ $^

# Tools use the library like any other program.
define tool
$(O)/bin/$(1): $(call objects,tools/$(1)) $(LIB_SO)
	@mkdir -p $$(@D)
	@echo '  LD      $$@'
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		-L$(O)/lib -lvhostrpmsg $$(LIBS_$(1))
endef
$(foreach t,$(notdir $(TOOLS)),$(eval $(call tool,$(t))))

# Programs with several source files.
$(O)/selftests/fault_sweep: $(call objects,selftests/fuzz/fault)
$(O)/selftests/fuzz_guest: $(call objects,selftests/fuzz/guest)
$(O)/selftests/fuzz_host: $(call objects,selftests/fuzz/host)
$(O)/selftests/stress_races: $(call objects,selftests/fuzz/race)

$(PRELOADS): $(O)/selftests/%.so: selftests/user/preload/%.c
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fPIC -shared -o $@ $< -ldl

$(foreach s,$(TEST_SRCS),$(eval \
	$(O)/selftests/$(notdir $(s:.c=)): $(O)/obj/$(s:.c=.o)))
$(TESTS): $(TEST_COMMON) $(LIB_SO)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -L$(O)/lib \
		-lvhostrpmsg $(NL_LIBS) $(URING_LIBS) -lpthread

# A VMM for machines that have only the packages and their dependencies.
$(O)/selftests/vmm: $(O)/obj/selftests/install/vmm.o $(TEST_COMMON)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(NL_LIBS)

# Examples are built like programs of a user.
$(O)/examples/%: $(O)/obj/examples/%.o $(LIB_SO)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -L$(O)/lib -lvhostrpmsg

$(O)/obj/bench/%: CPPFLAGS_ALL += -Iselftests/lib
$(O)/obj/bench/%: CFLAGS_ALL += -Wno-override-init
$(BENCH): $(call objects,bench) $(TEST_COMMON)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -lm

# clang-tidy with the flags of the compiler: make tidy FILES='a.c b.c'. sed removes
# the count of suppressed warnings. With ten times as many nodes the analyzer takes
# five times as long and finds nothing more.
TIDY_FLAGS := $(CLANG_WARN) -Wno-gnu-variable-sized-type-not-at-end \
	-Xclang -analyzer-config -Xclang max-nodes=20000

tidy: $(patsubst %.c,$(O)/obj/%.tidy,$(FILES))

$(O)/obj/%.tidy: %.c
	@set -o pipefail; clang-tidy --quiet $< -- $(CPPFLAGS_ALL) \
		$(CFLAGS_ALL) $(TIDY_FLAGS) 2>&1 | \
		sed '/^[0-9]* warnings\? generated\.$$/d'

.SECONDARY:
-include $(shell find $(O)/obj $(FUZZ) -name '*.d' 2>/dev/null)

modules:
	scripts/build-module $(KVER)

modules_install:
	@test -f $(BUILD)/$(KVER)/kernel/vhost_rpmsg.ko || \
		{ echo 'make modules first' >&2; exit 1; }
	install -D -m 644 -t $(DESTDIR)/lib/modules/$(KVER)/extra \
		$(BUILD)/$(KVER)/kernel/vhost_rpmsg.ko
	$(STRIP) -g $(DESTDIR)/lib/modules/$(KVER)/extra/vhost_rpmsg.ko
	test -n '$(DESTDIR)' || depmod $(KVER)

# Files that contain the names of folders are rebuilt when one of these changes.
DIRS := PREFIX BINDIR SBINDIR LIBDIR INCLUDEDIR DATADIR MANDIR UNITDIR UDEVDIR \
	VERSION
SHARE := $(O)/share
$(SHARE)/dirs: FORCE
	@mkdir -p $(@D)
	@echo '$(foreach d,$(DIRS),$(d)=$($(d)))' | cmp -s - $@ || \
		echo '$(foreach d,$(DIRS),$(d)=$($(d)))' >$@
FORCE:

$(SHARE)/libvhostrpmsg.pc: libvhostrpmsg/libvhostrpmsg.pc.in $(SHARE)/dirs
	@sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' \
		-e 's,@INCLUDEDIR@,$(INCLUDEDIR),' \
		-e 's,@VERSION@,$(VERSION),' $< >$@

# Manual pages and units contain /usr/local, so that tools can check the sources.
define with_dirs
$(SHARE)/$(notdir $(1)): $(1) $(SHARE)/dirs
	@sed -e 's,/usr/local/bin,$$(BINDIR),g' \
		-e 's,/usr/local/sbin,$$(SBINDIR),g' \
		-e 's,/usr/local/share,$$(DATADIR),g' \
		-e 's,/usr/local/lib/systemd/system,$$(UNITDIR),g' $$< >$$@
endef
MANS := $(wildcard libvhostrpmsg/man/*.[1-9] tools/*/*.[1-9])
UNITS := $(wildcard tools/*/*.service tools/*/*.socket)
BACKEND := tools/vrpmsg-bridge/50-vhost-rpmsg.json
$(foreach f,$(MANS) $(UNITS) $(BACKEND),$(eval $(call with_dirs,$(f))))

# Each function has a manual page of its own, a link to the page that describes it:
# PAGE:TARGET.
paren := (
functions_of = $(shell sed -nE '/^\.SH SYNOPSIS/,/^\.SH DESC/s/.*[ *"](vrpmsg_[a-z0-9_]+)[$(paren)].*/\1/p' $(1))
MAN_LINKS := $(foreach p,$(wildcard libvhostrpmsg/man/*.3),$(foreach \
	f,$(call functions_of,$(p)),$(notdir $(p)):$(MANDIR)/man3/$(f).3))

# All installed files, as MODE:FILE:TARGET. With mode `link`, TARGET is a link to
# FILE.
LIB_NAME := $(notdir $(LIB_SO))
INSTALLED := \
	755:$(LIB_SO):$(LIBDIR)/$(LIB_NAME) \
	link:$(LIB_NAME):$(LIBDIR)/libvhostrpmsg.so.$(SOVERSION) \
	link:$(LIB_NAME):$(LIBDIR)/libvhostrpmsg.so \
	644:$(O)/lib/libvhostrpmsg.a:$(LIBDIR)/libvhostrpmsg.a \
	644:$(SHARE)/libvhostrpmsg.pc:$(LIBDIR)/pkgconfig/libvhostrpmsg.pc \
	644:libvhostrpmsg/vhostrpmsg.h:$(INCLUDEDIR)/vhostrpmsg.h \
	$(foreach h,$(wildcard uapi/linux/*.h),\
		644:$(h):$(INCLUDEDIR)/linux/$(notdir $(h))) \
	755:$(O)/bin/vrpmsgctl:$(BINDIR)/vrpmsgctl \
	755:$(O)/bin/vrpmsg-bridge:$(SBINDIR)/vrpmsg-bridge \
	$(foreach m,$(notdir $(MANS)),\
		644:$(SHARE)/$(m):$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(m)) \
	$(foreach l,$(MAN_LINKS),link:$(l)) \
	644:tools/vrpmsgctl/completion/vrpmsgctl.bash:$(DATADIR)/bash-completion/completions/vrpmsgctl \
	644:tools/vrpmsgctl/completion/_vrpmsgctl:$(DATADIR)/zsh/site-functions/_vrpmsgctl \
	644:tools/vrpmsgctl/completion/vrpmsgctl.fish:$(DATADIR)/fish/vendor_completions.d/vrpmsgctl.fish \
	644:tools/vrpmsgctl/vrpmsgctl.schema.json:$(DATADIR)/vhost-rpmsg/vrpmsgctl.schema.json \
	644:$(SHARE)/$(notdir $(BACKEND)):$(DATADIR)/qemu/vhost-user/$(notdir $(BACKEND)) \
	$(foreach r,$(wildcard tools/udev/*.rules),\
		644:$(r):$(UDEVDIR)/rules.d/$(notdir $(r))) \
	644:tools/systemd/80-vrpmsg.preset:$(PRESETDIR)/80-vrpmsg.preset \
	644:tools/udev/vrpmsg.sysusers:$(SYSUSERSDIR)/vrpmsg.conf \
	$(foreach u,$(notdir $(UNITS)),644:$(SHARE)/$(u):$(UNITDIR)/$(u))

install: $(LIBS) $(TOOLS) $(addprefix $(SHARE)/,libvhostrpmsg.pc \
		$(notdir $(MANS) $(UNITS) $(BACKEND)))
	@for line in $(INSTALLED); do \
		IFS=: read -r mode file target <<<"$$line"; \
		target='$(DESTDIR)'$$target; \
		echo "  INSTALL $$target"; \
		case $$mode in \
		link)	ln -sf "$$file" "$$target" ;; \
		*)	install -D -m "$$mode" "$$file" "$$target" ;; \
		esac || exit; \
	done
	@# Skip this for DESTDIR and for users: the files are not in the system then.
	@test -n '$(DESTDIR)' -o "$$(id -u)" != 0 || { ldconfig; \
		systemd-sysusers vrpmsg.conf; \
		systemctl daemon-reload; udevadm control --reload; } || :

# Keep the group, since files may belong to it. Remove only folders that no other
# software uses.
uninstall:
	@for line in $(INSTALLED); do \
		target='$(DESTDIR)'$${line##*:}; \
		echo "  RM      $$target"; \
		rm -f "$$target" || exit; \
	done
	@rmdir '$(DESTDIR)$(DATADIR)/vhost-rpmsg' 2>/dev/null || :
	@test -n '$(DESTDIR)' -o "$$(id -u)" != 0 || { ldconfig; \
		systemctl daemon-reload; udevadm control --reload; } || :

# Not part of `make install`, since it needs cffi.
python-install: python
	install -D -m 644 -t $(DESTDIR)$(PYTHONDIR)/vhostrpmsg $(PY_FILES)

python-uninstall:
	rm -rf $(DESTDIR)$(PYTHONDIR)/vhostrpmsg

modules_uninstall:
	rm -f $(DESTDIR)/lib/modules/$(KVER)/extra/vhost_rpmsg.ko
	test -n '$(DESTDIR)' || depmod $(KVER)

# A release tarball of the committed files.
DIST := vhost-rpmsg-$(VERSION)
DISTDIR ?= .
dist:
	@set -o pipefail; git archive --prefix=$(DIST)/ HEAD | \
		xz -c -T1 >$(DISTDIR)/$(DIST).tar.xz
	@echo $(DIST).tar.xz

deb:
	@scripts/make-deb

check:
	@KERNEL='$(KERNEL)' ARCH='$(ARCH)' T='$(T)' $(VM)/check

check-debug:
	@T='$(T)' LONG='$(LONG)' QUICK='$(QUICK)' $(VM)/check-debug

check-guest:
	@$(VM)/check-guest

# SUITE=trixie picks one release.
check-install:
	@SUITE='$(SUITE)' selftests/install/check

bench:
	@bench/run $(BENCH_ARGS)

bench-program: $(BENCH)

demo:
	@$(VM)/demo

lint:
	@scripts/lint

format:
	@scripts/format $$(git ls-files '*.[ch]' | grep -v -e _gen. -e _netlink.h)

vm:
	@. $(VM)/lib.sh && need_build_packages
	@$(VM)/fetch $(sort 6.12 $(KERNEL))
	@$(MAKE) -s user
	@$(VM)/build-modules $(or $(KERNEL),6.12)
	@$(VM)/run -i $(or $(KERNEL),6.12)

clean:
	rm -rf $(BUILD)
