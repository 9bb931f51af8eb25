# SPDX-License-Identifier: GPL-2.0-only
#
# vhost-rpmsg. `make help` says what there is.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
KVER ?= $(shell uname -r)
BUILD ?= build
O := $(BUILD)/user

VERSION := 0.1.0
SOVERSION := 0

CC ?= gcc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
WARN := -Wall -Wextra -Werror
# Not clang's opinions, where gcc has none.
CLANG_WARN := -Wno-missing-field-initializers -Wno-uninitialized
NL_CFLAGS = $(shell $(PKG_CONFIG) --cflags libnl-3.0 libnl-genl-3.0)
NL_LIBS = $(shell $(PKG_CONFIG) --libs libnl-3.0 libnl-genl-3.0)
LIBS_vrpmsgctl = $(shell $(PKG_CONFIG) --libs json-c) -lm
URING_LIBS = $(shell $(PKG_CONFIG) --exists liburing && $(PKG_CONFIG) --libs liburing)
VM := selftests/vm
VRPMSG_CACHE ?= $(HOME)/.cache/vhost-rpmsg
# kselftest.h and its harness come from the kernel's source, fetched into the
# cache; KSELFTEST says where they are otherwise.
KSELFTEST ?= $(VRPMSG_CACHE)/kernel/6.12/source/tools/testing/selftests

CPPFLAGS_ALL = -D_GNU_SOURCE -DVRPMSG_VERSION='"$(VERSION)"' -Iuapi \
	-Ilibvhostrpmsg $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(WARN) $(NL_CFLAGS) $(CFLAGS)

# $(call objects,FOLDER): what the sources of a folder compile to
objects = $(patsubst %.c,$(O)/obj/%.o,$(wildcard $(1)/*.c))

LIB_OBJS := $(call objects,libvhostrpmsg)
LIB_SO := $(O)/lib/libvhostrpmsg.so.$(VERSION)
LIBS := $(LIB_SO) $(O)/lib/libvhostrpmsg.a $(O)/lib/libvhostrpmsg.pc
TOOLS := $(patsubst %,$(O)/bin/%,$(notdir $(patsubst %/,%,$(dir \
	$(wildcard tools/*/main.c)))))
TEST_COMMON := $(patsubst %.c,$(O)/obj/%.o,$(wildcard selftests/guest.c \
	selftests/util.c))
TESTS := $(patsubst selftests/%.c,$(O)/selftests/%,$(filter-out \
	selftests/guest.c selftests/util.c,$(wildcard selftests/*.c)))
BENCH := $(O)/bench/bench
MANS := $(wildcard libvhostrpmsg/man/*.[1-9] tools/*/*.[1-9])

SHELL := /bin/bash

.PHONY: all user tools tests asan fuzz check check-guest check-debug demo \
	bench bench-program lint tidy format vm modules install modules_install \
	clean help
.DELETE_ON_ERROR:

all: tools

tools: $(LIBS) $(TOOLS)

user: tools tests $(BENCH)

tests: $(TESTS)

# The library, the tools and what test_asan needs, in build/asan.
asan:
	@$(MAKE) O=$(BUILD)/asan tools $(BUILD)/asan/selftests/test_lib \
		$(BUILD)/asan/selftests/leaky CFLAGS='-O1 -g \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined'

# The bridge without its main(), with libFuzzer and the calls that
# selftests/fuzz_bridge/kernel.c makes for it.
FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_CFLAGS = -O1 -g -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_OBJS := $(patsubst %.c,$(FUZZ)/%.o,$(wildcard selftests/fuzz_bridge/*.c) \
	$(filter-out %/main.c,$(wildcard tools/vrpmsg-bridge/*.c)))

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
	-Dmmap=kernel_mmap -Dmunmap=kernel_munmap

help:
	@echo 'make                    library and tools, into build/user'
	@echo 'make modules [KVER=...] kernel module, for the running kernel'
	@echo 'make install            library, tools, headers, manual pages;'
	@echo '                        PREFIX, LIBDIR and DESTDIR say where to'
	@echo 'make modules_install    the module, into /lib/modules/KVER'
	@echo 'make check              all tests, in VMs; KERNEL=6.1 T=test_ring for one'
	@echo 'make check-debug        tests and attacks on kernels with sanitizers'
	@echo 'make check-guest        tests with a real guest; part of make check'
	@echo 'make bench              benchmark beside vhost-vsock, in VMs'
	@echo 'make demo               a real guest talks to host processes'
	@echo 'make vm [KERNEL=6.12]   a shell in a VM with the module loaded'
	@echo 'make fuzz               the fuzzer of vrpmsg-bridge; selftests/fuzz_bridge.sh'
	@echo 'make lint               static checks'
	@echo 'make format             lay out C files as lint wants it'
	@echo 'make clean              remove build/'

# Objects depend on headers by what the compiler saw.
$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC      $@'
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(LIB_OBJS): CFLAGS_ALL += -fPIC -fvisibility=hidden
$(O)/obj/selftests/%: CPPFLAGS_ALL += -isystem $(KSELFTEST) -Iselftests
# EPT_REQ() has defaults that its users override.
$(O)/obj/selftests/%: CFLAGS_ALL += -Wno-override-init

# What fuzz_host knows of netlink and of errors.
$(O)/gen/fuzz_host_tables.h: selftests/fuzz_host_tables.py \
		docs/netlink/specs/vhost_rpmsg.yaml uapi/linux/vhost_rpmsg.h
	@mkdir -p $(@D)
	@echo '  GEN     $@'
	@python3 $^ >$@

$(O)/obj/selftests/fuzz_host.%: CPPFLAGS_ALL += -I$(O)/gen
$(O)/obj/selftests/fuzz_host.o $(O)/obj/selftests/fuzz_host.tidy: \
	$(O)/gen/fuzz_host_tables.h

$(LIB_SO): $(LIB_OBJS) libvhostrpmsg/libvhostrpmsg.map
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) -shared -Wl,-soname,libvhostrpmsg.so.$(SOVERSION) -Wl,-z,defs \
		-Wl,--version-script=libvhostrpmsg/libvhostrpmsg.map \
		$(CFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJS) $(NL_LIBS)
	@ln -sf $(@F) $(O)/lib/libvhostrpmsg.so.$(SOVERSION)
	@ln -sf $(@F) $(O)/lib/libvhostrpmsg.so

$(O)/lib/libvhostrpmsg.a: $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo '  AR      $@'
	@rm -f $@
	@$(AR) rcs $@ $^

$(O)/lib/libvhostrpmsg.pc: libvhostrpmsg/libvhostrpmsg.pc.in Makefile
	@mkdir -p $(@D)
	@sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' \
		-e 's,@VERSION@,$(VERSION),' $< >$@

# Tools use the library as a program elsewhere would.
define tool
$(O)/bin/$(1): $(call objects,tools/$(1)) $(LIB_SO)
	@mkdir -p $$(@D)
	@echo '  LD      $$@'
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		-L$(O)/lib -lvhostrpmsg $$(LIBS_$(1))
endef
$(foreach t,$(notdir $(TOOLS)),$(eval $(call tool,$(t))))

$(O)/selftests/fuzz_guest: $(call objects,selftests/fuzz)

$(O)/selftests/%: $(O)/obj/selftests/%.o $(TEST_COMMON) $(LIB_SO)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -L$(O)/lib \
		-lvhostrpmsg $(NL_LIBS) $(URING_LIBS) -lpthread

$(O)/obj/bench/%: CPPFLAGS_ALL += -Iselftests
$(O)/obj/bench/%: CFLAGS_ALL += -Wno-override-init
$(BENCH): $(call objects,bench) $(TEST_COMMON)
	@mkdir -p $(@D)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(NL_LIBS)

# clang-tidy, with the flags of the compiler: make tidy FILES='a.c b.c'. It says
# how many warnings it has left out, even when these are all. With ten times as
# many nodes the analyzer takes five times as long, and finds nothing more.
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
	$(VM)/build-modules --host $(KVER)

modules_install:
	@test -f $(BUILD)/$(KVER)/kernel/vhost_rpmsg.ko || \
		{ echo 'make modules first' >&2; exit 1; }
	install -D -m 644 -t $(DESTDIR)/lib/modules/$(KVER)/extra \
		$(BUILD)/$(KVER)/kernel/vhost_rpmsg.ko
	test -n '$(DESTDIR)' || depmod $(KVER)

install: tools
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 755 $(LIB_SO) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(LIBDIR)/libvhostrpmsg.so.$(SOVERSION)
	ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(LIBDIR)/libvhostrpmsg.so
	install -m 644 $(O)/lib/libvhostrpmsg.a $(DESTDIR)$(LIBDIR)
	install -m 644 $(O)/lib/libvhostrpmsg.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include libvhostrpmsg/vhostrpmsg.h
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux uapi/linux/*.h
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(TOOLS)
	for page in $(MANS); do \
		install -D -m 644 -t \
			$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; \
	done
	install -D -m 644 tools/vrpmsgctl/vrpmsgctl.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vrpmsgctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/vhost-rpmsg \
		tools/vrpmsgctl/vrpmsgctl.schema.json
	install -D -m 644 -t $(DESTDIR)/usr/lib/udev/rules.d \
		tools/udev/60-vrpmsg.rules
	install -D -m 644 tools/udev/vrpmsg.sysusers \
		$(DESTDIR)/usr/lib/sysusers.d/vrpmsg.conf
	install -d $(DESTDIR)/usr/lib/systemd/system
	sed 's,/usr/local,$(PREFIX),' tools/vrpmsg-bridge/vrpmsg-bridge@.service \
		>$(DESTDIR)/usr/lib/systemd/system/vrpmsg-bridge@.service
	test -n '$(DESTDIR)' || { ldconfig; systemd-sysusers vrpmsg.conf || :; }

check:
	@KERNEL='$(KERNEL)' T='$(T)' $(VM)/check

check-debug:
	@T='$(T)' LONG='$(LONG)' QUICK='$(QUICK)' $(VM)/check-debug

check-guest:
	@$(VM)/check-guest

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
	@$(VM)/fetch $(or $(KERNEL),6.12)
	@$(MAKE) -s user
	@$(VM)/build-modules $(or $(KERNEL),6.12)
	@$(VM)/run -i $(or $(KERNEL),6.12)

clean:
	rm -rf $(BUILD)
