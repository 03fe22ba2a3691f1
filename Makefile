# stream_agg: continuous windowed aggregates over Kafka topics
#
# "make help" prints the targets.

MODULE_big = stream_agg
EXTENSION = stream_agg
EXTVERSION = 1.0
PG_CONFIG ?= pg_config

SOURCES = $(wildcard src/*.c src/*/*.c)
CXX_SOURCES = $(wildcard src/*/*.cc)
OUR_HEADERS = $(wildcard src/*.h src/*/*.h)
OBJS = $(SOURCES:.c=.o) $(CXX_SOURCES:.cc=.o)

DATA_built = install/$(EXTENSION)--$(EXTVERSION).sql
INSTALL_PARTS = $(sort $(wildcard install/parts/*.sql))

PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags rdkafka simdjson 2>/dev/null)
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -fvisibility=hidden $(SA_CFLAGS)
PG_CXXFLAGS = $(SA_CFLAGS)
SHLIB_LINK = -lrdkafka -lsimdjson -lstdc++ -lpthread

EXTRA_CLEAN = $(DATA_built) build

# JIT inlining would want clang on every machine that builds; nothing of ours
# gains from it, since JIT is off in batches.
# JIT inlining would want clang on every machine that builds; nothing of ours
# gains from it, since JIT is off in batches.
override with_llvm = no

# The tests need an instance with the library preloaded: tools/installcheck.
NO_INSTALLCHECK = 1

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS knows no header dependencies: any header rebuilds everything.
$(OBJS): $(OUR_HEADERS)

%.o: %.cc
	$(CXX) -std=c++17 -O2 -g -Wall -Wextra -fPIC -fvisibility=hidden \
		-fno-exceptions -fno-rtti $(PG_CXXFLAGS) $(PG_CPPFLAGS) -c -o $@ $<

# the folder, so that a part that was removed is noticed
$(DATA_built): $(INSTALL_PARTS) install/parts
	cat $(INSTALL_PARTS) > $@

.PHONY: help installcheck prove lint bench

help:
	@echo "make               build the library"
	@echo "make install       install library, control file and script"
	@echo "make installcheck  regression and isolation tests, in a temporary instance;"
	@echo "                   REGRESS=\"name …\" or ISOLATION=\"name …\" for some of them"
	@echo "make prove         tests with a real Apache Kafka; TAP=t/name.pl for some of them"
	@echo "make lint          the project's rules: layers, messages, exports, …"
	@echo "make bench         throughput and latency; see bench/run --help"
	@echo "make clean         remove what was built"
	@echo "./check            everything, dependencies included; ./demo shows it at work"

installcheck:
	tools/installcheck $(if $(REGRESS),--regress "$(REGRESS)") \
		$(if $(ISOLATION),--isolation "$(ISOLATION)")

prove:
	tools/tap $(TAP)

lint: all
	for lint in tools/check_*; do $$lint || exit 1; done

bench:
	bench/run
