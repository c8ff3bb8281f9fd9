# The commands a person needs. Each one works as the first command on a fresh Debian 12, as root or
# with sudo: what is missing is installed first.
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)

.PHONY: help deps build console console-files screenshots run package test test-asan test-tsan test-systemd test-network bench kill fuzz format clean

help:
	@echo "make run        build and start a demo: a live rollout to simulated devices"
	@echo "make test       build and run every test"
	@echo "make build      build/release/updraft, with the web console in it (CONSOLE=no: without)"
	@echo "make console    build the web console and check it: types, lint, unit tests, size"
	@echo "make screenshots OUT=folder   every page of the console, in both languages and themes"
	@echo "make package    a Debian package in build/package"
	@echo "make test-asan  the tests of the C++ code under AddressSanitizer and UBSan; test-tsan: ThreadSanitizer"
	@echo "make test-systemd  the package under a real systemd, in namespaces of its own (as root)"
	@echo "make test-network  10,000 devices reconnect at once; how long others wait under attack"
	@echo "make bench      measure; writes build/bench/report.md (ROWS=polls,downloads: a part; SCALE=10000: a small fleet)"
	@echo "make kill       kill -9 under load, ROUNDS (1000) times; SEED repeats a run's choices"
	@echo "make fuzz       run every fuzzer for FUZZ_SECONDS (60; FUZZ_SECONDS=3600: an hour; FUZZ_SEED repeats)"
	@echo "make format     clang-format over the tree"

deps:
	@tools/install_dependencies.sh

# What the server embeds. CONSOLE=no leaves web/dist as it is: a server alone needs no console.
CONSOLE ?= yes
console-files: deps
ifeq ($(CONSOLE),yes)
	@tools/build_console.sh build
endif

console: deps
	@tools/build_console.sh check

build: console-files
	@mkdir -p build && { cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }; }
	@cmake --build --preset release --target updraft -j $(JOBS)

run: build
	@build/release/updraft demo

package: build
	@cmake --build --preset release --target package_files -j $(JOBS)
	@cpack --config build/release/CPackConfig.cmake -B build/package
	@ls build/package/*.deb

test: console-files
	@cmake --preset release -DUPDRAFT_WARNINGS_AS_ERRORS=ON
	@cmake --build --preset release -j $(JOBS)
	@ctest --test-dir build/release --output-on-failure -j $(JOBS)

test-asan test-tsan: test-%: deps
	@cmake --preset $*
	@cmake --build --preset $* -j $(JOBS)
	@ctest --test-dir build/$* --output-on-failure -j $(JOBS)

test-systemd: package
	@tests/packaging/systemd.sh $$(ls -t build/package/*.deb | head -n 1)

# What needs a machine that does nothing else, and thousands of sockets.
test-network: build
	@UPDRAFT_HERD=$${UPDRAFT_HERD:-10000} UPDRAFT_P99=1 UPDRAFT_BINARY=build/release/updraft /usr/bin/python3 -m pytest \
	  -p no:cacheprovider -q -s tests/integration/test_network_herd.py tests/integration/test_network_measured.py

bench: build
	@cmake --build --preset release --target bench_tools -j $(JOBS)
	@/usr/bin/python3 tests/bench/bench.py --binary build/release/updraft --out build/bench $(if $(ROWS),--rows $(ROWS)) $(if $(SCALE),--scale $(SCALE))

OUT ?= build/screenshots
screenshots: build
	@tools/build_console.sh run screenshots -- --out $(abspath $(OUT)) --binary $(abspath build/release/updraft)

ROUNDS ?= 1000
kill: build
	@cmake --build --preset release --target updraft_faults -j $(JOBS)
	@UPDRAFT_BINARY=$(abspath build/release/updraft) /usr/bin/python3 tests/integration/kill.py --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

FUZZ_SECONDS ?= 60
fuzz: deps
	@cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers -j $(JOBS)
	@FUZZ_SEED=$(FUZZ_SEED) tools/run_fuzzers.sh build/fuzz $(FUZZ_SECONDS)

format:
	@git ls-files '*.hpp' '*.cpp' | xargs clang-format-19 -i

clean:
	@rm -rf build
