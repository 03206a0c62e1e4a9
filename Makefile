# SPDX-License-Identifier: Apache-2.0
#
#   make            the plugin, the sandbox and the hosts, in build/
#   make demo       a thousand rosters from a matchmaker to the sandbox, checked
#   make test       every test: plain, under ASan+UBSan, under TSan, under valgrind
#   make valgrind   the last of these rounds alone
#   make bench      what a push costs
#   make soak       what takes too long for a test
#   make lint       format, warnings of gcc and clang, clang-tidy, cppcheck
#   make install    into PREFIX (/usr/local), below DESTDIR; LIBDIR and its like say otherwise; make uninstall
#   make deps       what is missing of Debian's packages (all of the above do it by themselves)
#   make format     clang-format over everything
#   make clean

MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
# `make V=1` shows the commands.
V ?= 0
quiet = $(if $(filter 1,$(V)),,@echo "  $(1)	$@";)
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

# A build of another kind lives in a folder of its own: `make BUILD=build/asan SANITIZE=address,undefined all`
BUILD    ?= build
SANITIZE ?=
CC       := gcc
CXX      := g++

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes
OPTIMISE := -O2 -g
ifneq ($(SANITIZE),)
OPTIMISE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
# What is built says nothing of where.
OPTIMISE += -ffile-prefix-map=$(CURDIR)=.
CFLAGS   := -std=c11 -D_GNU_SOURCE $(OPTIMISE) $(WARNINGS) -fstack-protector-strong
CXXFLAGS := -std=c++17 $(OPTIMISE) $(filter-out -Wstrict-prototypes,$(WARNINGS)) -pedantic -fstack-protector-strong
CPPFLAGS := -Iinclude -Iplugin -Itests/integration
LDFLAGS  := -Wl,-z,relro,-z,now
ifeq ($(SANITIZE),)
PLUGIN_LDFLAGS := -Wl,-z,defs
endif

# Expanded when a recipe runs, and so after `deps`.
PLUGIN_LIBS  = $(shell pkg-config --libs libcurl libcrypto nanomsg sqlite3) -lpthread
SANDBOX_LIBS = $(shell pkg-config --libs libmicrohttpd jansson) -lpthread
HOST_LIBS    = $(shell pkg-config --libs nanomsg jansson) -ldl -lpthread
SQLITE_LIBS  = $(shell pkg-config --libs sqlite3)
TEST_LIBS    = $(shell pkg-config --libs cmocka libcurl jansson nanomsg libcrypto sqlite3) -ldl -lpthread

header_number = $(shell sed -n 's/^\#define KLP_VERSION_$(1) *\([0-9]*\)$$/\1/p' include/kraty/lobby_pusher.h)
ABI_RELEASE = $(call header_number,MAJOR).$(call header_number,MINOR)
VERSION     = $(ABI_RELEASE).$(call header_number,PATCH)

SONAME := libkraty_lobby_pusher.so.1
PLUGIN := $(BUILD)/libkraty_lobby_pusher.so
STUB_SONAME := libkraty_lobby_pusher_stub.so.1
STUB   := $(BUILD)/libkraty_lobby_pusher_stub.so

objects = $(patsubst %,$(BUILD)/objects/%.o,$(basename $(1)))

PLUGIN_SOURCES  := $(filter-out plugin/stub/%,$(wildcard plugin/*.c plugin/*/*.c))
# The stub is made of the same, but for what it has another of: the way to the server, the clock, randomness, the way in.
STUB_SOURCES    := $(filter-out plugin/exported.c plugin/system_clock.c plugin/pusher/system_random.c \
	plugin/transport/curl_%,$(PLUGIN_SOURCES)) $(wildcard plugin/stub/*.c)
SANDBOX_SOURCES := $(wildcard tests/sandbox/*.c)
KLP_SOURCES     := $(wildcard host-examples/klp/*.c) plugin/results/results_url.c
# The outbox is no part of the ABI: what looks into its files has it built in, and writes events as the plugin does.
OUTBOX_SOURCES  := $(wildcard plugin/outbox/*.c plugin/json/*.c) plugin/why.c plugin/pusher/random.c plugin/pusher/system_random.c \
	plugin/pusher/siphash.c plugin/results/event_write.c plugin/results/event_names.c
UNIT_TESTS      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,%,$(wildcard tests/integration/test_*.c))
RIG_SOURCES     := $(filter-out tests/integration/test_%,$(wildcard tests/integration/*.c))
HELPER_PROGRAMS := $(patsubst tests/integration/programs/%.c,%,$(wildcard tests/integration/programs/*.c))
CPP_TESTS       := $(basename $(wildcard tests/unit/test_*.cpp tests/integration/test_*.cpp))
BENCHES         := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))

# Hosts: a folder of host-examples/ each, which becomes the program of its name. C++ is what only tests need a compiler of.
HOSTS     := smallest custom-matchmaker flexmatch-events photon-webhooks agones
CPP_HOSTS := game-tick gamelift steam steam-client
# Where its folder has another name.
steam-client_FOLDER := steam/client
# What a host is linked with beside libdl.
custom-matchmaker_LIBS = $(HOST_LIBS)
flexmatch-events_LIBS  = $(SANDBOX_LIBS)
gamelift_LIBS          = $(HOST_LIBS)
photon-webhooks_LIBS   = $(shell pkg-config --libs libmicrohttpd jansson libcrypto)
agones_LIBS            = $(shell pkg-config --libs libcurl)
steam_LIBS             = $(shell pkg-config --libs jansson)

# GameLift's server SDK: the folder that it was installed into, built with GAMELIFT_USE_STD; without one its stand-in.
GAMELIFT_SDK_DIR  ?=
GAMELIFT_SDK_LIBS ?= -laws-cpp-sdk-gamelift-server -lssl -lcrypto -lpthread

PROGRAMS := $(BUILD)/kraty-sandbox $(BUILD)/klp $(HOSTS:%=$(BUILD)/%)
TESTS    := $(UNIT_TESTS:%=$(BUILD)/tests/unit/%) $(INTEGRATION_TESTS:%=$(BUILD)/tests/integration/%) $(CPP_TESTS:%=$(BUILD)/%)
HELPERS  := $(HELPER_PROGRAMS:%=$(BUILD)/tests/programs/%) $(CPP_HOSTS:%=$(BUILD)/%)
HELPERS  += $(BUILD)/dotnet-host.exe $(BUILD)/tests/programs/dotnet_checks.exe

.PHONY: all deps demo test check valgrind bench lint format clean tests soak save-abi install uninstall
all: $(PLUGIN) $(STUB) $(PROGRAMS)

# ── what Debian has to give ────────────────────────────────────────────────────────────────────────

deps:
	@.ci/deps build test

# One after the other: two of apt-get would fight over its lock.
build/.deps-build:
build/.deps-test: build/.deps-build
build/.deps-lint: build/.deps-test
build/.deps-build build/.deps-test build/.deps-lint: build/.deps-%: .ci/deps
	@mkdir -p $(@D)
	@.ci/deps $*
	@touch $@

# ── the plugin ─────────────────────────────────────────────────────────────────────────────────────

$(BUILD)/objects/plugin/%.o: plugin/%.c | build/.deps-build
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# -z nodelete: a dlclose with a worker at work would pull the code away from under it
$(PLUGIN): $(call objects,$(PLUGIN_SOURCES)) plugin/exports.map
	$(call quiet,LINK)$(CC) $(OPTIMISE) -shared -o $@ $(filter %.o,$^) -Wl,-soname,$(SONAME) -Wl,--version-script=plugin/exports.map \
		-Wl,-z,nodelete $(LDFLAGS) $(PLUGIN_LDFLAGS) $(PLUGIN_LIBS)
	@ln -sf $(@F) $(BUILD)/$(SONAME)

$(STUB): $(call objects,$(STUB_SOURCES)) plugin/stub/exports.map
	$(call quiet,LINK)$(CC) $(OPTIMISE) -shared -o $@ $(filter %.o,$^) -Wl,-soname,$(STUB_SONAME) \
		-Wl,--version-script=plugin/stub/exports.map -Wl,-z,nodelete $(LDFLAGS) $(PLUGIN_LDFLAGS) $(PLUGIN_LIBS)
	@ln -sf $(@F) $(BUILD)/$(STUB_SONAME)

# ── the sandbox and the hosts ──────────────────────────────────────────────────────────────────────

$(BUILD)/objects/tests/%.o: tests/%.c | build/.deps-test
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/objects/tests/%.o: tests/%.cpp | build/.deps-test
	@mkdir -p $(@D)
	$(call quiet,CXX)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/objects/tests/sandbox/%.o: tests/sandbox/%.c | build/.deps-build
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/objects/tests/integration/programs/%.o: tests/integration/programs/%.c | build/.deps-build
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/objects/host-examples/%.o: host-examples/%.c | build/.deps-build
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# As game servers in C++ are compiled.
$(BUILD)/objects/host-examples/%.o: host-examples/%.cpp | build/.deps-test
	@mkdir -p $(@D)
	$(call quiet,CXX)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -fno-exceptions -fno-rtti -MMD -MP -c -o $@ $<

$(BUILD)/kraty-sandbox: $(call objects,$(SANDBOX_SOURCES))
	$(call quiet,LINK)$(CC) $(OPTIMISE) -o $@ $^ $(LDFLAGS) $(SANDBOX_LIBS)

# $ORIGIN: the plugin is found beside the program, as long as neither is installed
$(BUILD)/klp: $(call objects,$(KLP_SOURCES) $(OUTBOX_SOURCES)) | $(PLUGIN)
	$(call quiet,LINK)$(CC) $(OPTIMISE) -o $@ $^ $(LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN' $(HOST_LIBS) $(SQLITE_LIBS)

# $(1): a host, $(2): what links it
define link_host
$$(BUILD)/$(1): $$(call objects,$$(wildcard $$(addprefix host-examples/$$(or $$($(1)_FOLDER),$(1)),/*.c /*.cpp))) | $$(PLUGIN)
	$$(call quiet,LINK)$(2) $$(OPTIMISE) -o $$@ $$^ $$(LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$$$ORIGIN' $$($(1)_LIBS) -ldl
endef
$(foreach host,$(HOSTS),$(eval $(call link_host,$(host),$$(CC))))
$(foreach host,$(CPP_HOSTS),$(eval $(call link_host,$(host),$$(CXX))))

# What of it a Steam game copies, against the real SDK; there is nothing here that it could be run with.
ifneq ($(STEAMWORKS_SDK_DIR),)
all: $(BUILD)/objects/steam-sdk/lobby_snapshot.o
$(BUILD)/objects/steam-sdk/lobby_snapshot.o: host-examples/steam/client/lobby_snapshot.cpp | build/.deps-test
	@mkdir -p $(@D)
	$(call quiet,CXX)$(CXX) -isystem $(STEAMWORKS_SDK_DIR)/public $(CXXFLAGS) -fno-exceptions -fno-rtti -MMD -MP -c -o $@ $<
endif

ifneq ($(GAMELIFT_SDK_DIR),)
$(BUILD)/objects/host-examples/gamelift/%.o: CPPFLAGS += -isystem $(GAMELIFT_SDK_DIR)/include -DGAMELIFT_USE_STD
gamelift_LIBS += -L$(GAMELIFT_SDK_DIR)/lib $(GAMELIFT_SDK_LIBS)
else
$(BUILD)/objects/host-examples/gamelift/%.o: CPPFLAGS += -Ihost-examples/gamelift/stand-in
$(BUILD)/gamelift: $(call objects,host-examples/gamelift/stand-in/local_gamelift.cpp)
endif

# The host in C#, and the checks of what it is made of. mcs speaks C# 7: so does all of it.
MCS    := mcs -warnaserror -optimize -debug -unsafe -define:KLP_ASYNC_STREAMS
DOTNET := $(wildcard host-examples/dotnet/Kraty/*.cs)

$(BUILD)/dotnet-host.exe: host-examples/dotnet/Program.cs $(DOTNET) | build/.deps-test
	$(call quiet,MCS)$(MCS) -out:$@ $(filter %.cs,$^)

$(BUILD)/tests/programs/dotnet_checks.exe: $(wildcard tests/dotnet/*.cs) $(DOTNET) | build/.deps-test
	@mkdir -p $(@D)
	$(call quiet,MCS)$(MCS) -out:$@ $(filter %.cs,$^)

# A host's own tests, as they stand in host-examples/testing: they know the stub, and nothing of ours.
HOST_TESTS := $(BUILD)/match_log_test $(BUILD)/game_test $(BUILD)/match_test.exe

$(BUILD)/match_log_test: $(call objects,$(wildcard host-examples/testing/match_log*.c))
	$(call quiet,LINK)$(CC) $(OPTIMISE) -o $@ $^ $(LDFLAGS) -ldl

$(BUILD)/game_test: $(BUILD)/objects/host-examples/testing/game_test.o
	$(call quiet,LINK)$(CXX) $(OPTIMISE) -o $@ $^ $(LDFLAGS) -ldl

$(BUILD)/match_test.exe: $(wildcard host-examples/testing/*.cs) $(DOTNET) | build/.deps-test
	$(call quiet,MCS)$(MCS) -out:$@ $(filter %.cs,$^)

# ── installing ─────────────────────────────────────────────────────────────────────────────────────

PREFIX       ?= /usr/local
BINDIR       ?= $(PREFIX)/bin
LIBDIR       ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
MANDIR       ?= $(PREFIX)/share/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR     ?= $(LIBDIR)/cmake/kraty-lobby-pusher
INSTALLING    = BUILD='$(BUILD)' VERSION='$(VERSION)' SONAME='$(SONAME)' STUB_SONAME='$(STUB_SONAME)' \
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' \
	MANDIR='$(MANDIR)' PKGCONFIGDIR='$(PKGCONFIGDIR)' CMAKEDIR='$(CMAKEDIR)' plugin/install/run

# Another klp than the one in $(BUILD): it finds the library where that is installed, and all of it may be moved. It is
# linked out of the way, so that what root installs leaves nothing of root's in $(BUILD).
install: all
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		$(CC) $(OPTIMISE) -o "$$folder/klp" $(call objects,$(KLP_SOURCES) $(OUTBOX_SOURCES)) $(LDFLAGS) \
		-Wl,--disable-new-dtags,-rpath,"\$$ORIGIN/$$(realpath -m --relative-to='$(BINDIR)' '$(LIBDIR)')" \
		$(HOST_LIBS) $(SQLITE_LIBS) && KLP="$$folder/klp" $(INSTALLING) install

uninstall:
	@$(INSTALLING) uninstall

# ── tests ──────────────────────────────────────────────────────────────────────────────────────────

# private: else what they are linked of would be compiled as C++, too
LINKER = $(CC)
$(CPP_TESTS:%=$(BUILD)/%): private LINKER = $(CXX)

# A unit test sees the plugin's insides, an integration test only what a host sees.
$(BUILD)/tests/unit/%: $(BUILD)/objects/tests/unit/%.o $(call objects,$(PLUGIN_SOURCES))
	@mkdir -p $(@D)
	$(call quiet,LINK)$(LINKER) $(OPTIMISE) -o $@ $^ $(LDFLAGS) $(PLUGIN_LIBS) $(TEST_LIBS)

# What of an example knows no library is tested as such, too.
$(BUILD)/tests/unit/test_photon_rooms: $(call objects,host-examples/photon-webhooks/room.c host-examples/photon-webhooks/rooms.c)

$(BUILD)/tests/integration/%: $(BUILD)/objects/tests/integration/%.o $(call objects,$(RIG_SOURCES))
	@mkdir -p $(@D)
	$(call quiet,LINK)$(LINKER) $(OPTIMISE) -o $@ $^ $(LDFLAGS) $(TEST_LIBS)

# -rdynamic: as game servers are linked, whose symbols then stand before everybody else's
$(BUILD)/tests/programs/%: $(BUILD)/objects/tests/integration/programs/%.o
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(OPTIMISE) -rdynamic -o $@ $^ $(LDFLAGS) $(HOST_LIBS)

# What only a bench of the plugin's insides sees.
$(BUILD)/bench/store_cost: $(BUILD)/objects/tests/bench/store_cost.o $(call objects,$(wildcard plugin/outbox/*.c) plugin/why.c plugin/json/utf8.c)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(OPTIMISE) -o $@ $^ $(LDFLAGS) $(PLUGIN_LIBS)

$(BUILD)/bench/%: $(BUILD)/objects/tests/bench/%.o $(call objects,$(RIG_SOURCES))
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(OPTIMISE) -o $@ $^ $(LDFLAGS) $(TEST_LIBS)

# A host for each release, compiled with its headers and none of today's.
OLD_HOSTS := $(patsubst tests/abi/saved/%/layout.h,$(BUILD)/old_host-%,$(wildcard tests/abi/saved/*/layout.h))

$(BUILD)/old_host-%: tests/abi/old_host.c $(wildcard tests/abi/saved/*/kraty/*.h) | build/.deps-build
	$(call quiet,CC)$(CC) -Itests/abi/saved/$* $(CFLAGS) -o $@ $< $(LDFLAGS) -ldl

# What hosts are compiled with from here on: see tests/abi/saved/README.md
save-abi:
	@mkdir -p tests/abi/saved/$(ABI_RELEASE)
	@rm -rf tests/abi/saved/$(ABI_RELEASE)/kraty
	@cp -R include/kraty tests/abi/saved/$(ABI_RELEASE)/
	@cp tests/abi/layout.h tests/abi/saved/$(ABI_RELEASE)/
	@echo "saved in tests/abi/saved/$(ABI_RELEASE)"

tests: all $(TESTS) $(HELPERS) $(HOST_TESTS) $(OLD_HOSTS)

# One round of all tests on one build.
check: tests
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) tests/run $(TESTS)

valgrind: tests
	@BUILD=$(BUILD) SANITIZE=valgrind tests/run $(TESTS)

test:
	@$(MAKE) BUILD=build tests
	@$(MAKE) BUILD=build/asan SANITIZE=address,undefined tests
	@$(MAKE) BUILD=build/tsan SANITIZE=thread tests
	@tests/run-all

bench: all $(BENCHES:%=$(BUILD)/bench/%)
	@for bench in $(BENCHES:%=$(BUILD)/bench/%); do BUILD=$(BUILD) $$bench || exit 1; done

# Longer than a test may take: the reader of results killed a few hundred times, hosts with an outbox a thousand times,
# a backend that is away for a minute, and the readers of JSON and of rosters fuzzed.
SOAK_ROUNDS       ?= 20
SOAK_CRASH_ROUNDS ?= 1000
SOAK_OUTAGE_S     ?= 60
SOAK_FUZZ_S       ?= 300

$(BUILD)/fuzz_json: tests/fuzz/fuzz_json.c $(wildcard plugin/json/*.[ch] plugin/kraty/*.[ch]) | build/.deps-lint
	$(call quiet,LINK)clang $(CPPFLAGS) -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^)

$(BUILD)/fuzz_roster: tests/fuzz/fuzz_roster.c $(wildcard plugin/json/*.[ch] plugin/roster/*.[ch]) | build/.deps-lint
	$(call quiet,LINK)clang $(CPPFLAGS) -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^)

soak: tests $(BUILD)/fuzz_json $(BUILD)/fuzz_roster
	@for round in $$(seq $(SOAK_ROUNDS)); do BUILD=$(BUILD) SANITIZE=soak tests/run $(BUILD)/tests/integration/test_results \
		$(BUILD)/tests/integration/test_events || exit 1; done
	@BUILD=$(BUILD) SANITIZE=soak LIMIT_S=7200 JOBS=1 KLP_CRASH_ROUNDS=$(SOAK_CRASH_ROUNDS) KLP_OUTAGE_S=$(SOAK_OUTAGE_S) tests/run \
		$(BUILD)/tests/integration/test_outbox_crash $(BUILD)/tests/integration/test_outbox_outage
	@mkdir -p $(BUILD)/corpus $(BUILD)/corpus-roster
	@$(BUILD)/fuzz_json -max_total_time=$(SOAK_FUZZ_S) -max_len=4096 $(BUILD)/corpus
	@$(BUILD)/fuzz_roster -max_total_time=$(SOAK_FUZZ_S) -max_len=4096 $(BUILD)/corpus-roster

demo: all $(BUILD)/tests/programs/verify_rosters
	@host-examples/custom-matchmaker/demo

# ── keeping it tidy ────────────────────────────────────────────────────────────────────────────────

C_FILES   = $(shell find plugin tests host-examples -name '*.c')
ALL_FILES = $(shell find include plugin tests host-examples -name '*.[ch]' -o -name '*.[ch]pp')

lint: build/.deps-lint build/.deps-test build/.deps-build
	@.ci/lint

format: build/.deps-lint
	clang-format -i $(ALL_FILES)

clean:
	rm -rf build

-include $(shell find $(BUILD)/objects -name '*.d' 2>/dev/null)
