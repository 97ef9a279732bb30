# samebits: build, test and demo. `make help` lists the targets.
#
# A machine with nothing but Go and make can `make`, `make test` and `make demo`: all but OpenGL.
# `make deps` installs what OpenGL needs to be built and, on Mesa's llvmpipe, tested without a GPU.

GO ?= go
TESTFLAGS ?= -timeout 10m
DEMOFLAGS ?=
BENCHFLAGS ?=
PEERFLAGS ?= --goal-table --isa avx2

# Go stamps commands with the commit, and fails where git refuses to read the checkout (another owner's, in a container).
ifneq ($(shell git status --porcelain >/dev/null 2>&1 && echo yes),yes)
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -buildvcs=false)
endif

# Debian and Ubuntu packages: to build with OpenGL, to run it in software, to build and run the GLFW variant, to run arm64.
BUILD_PACKAGES := gcc libc6-dev pkg-config libgl-dev
RUN_PACKAGES   := libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri
GLFW_PACKAGES  := libx11-dev libxrandr-dev libxinerama-dev libxcursor-dev libxi-dev libxxf86vm-dev xvfb xauth
ARM64_PACKAGES := qemu-user
PACKAGES       := $(BUILD_PACKAGES) $(RUN_PACKAGES) $(GLFW_PACKAGES) $(ARM64_PACKAGES)

# What a build or a test run lacks, as a list of words; empty where nothing is missing. Each is found by trying.
GO_CC := $(shell $(GO) env CC 2>/dev/null)
TRY_C  = echo 'int main(void) { return 0; }' | $(GO_CC) -x c -o /dev/null

GL_BUILD_MISSING = $(strip $(shell \
	if [ "$$CGO_ENABLED" = 0 ]; then echo 'cgo(CGO_ENABLED=0)'; fi; \
	if ! command -v $(firstword $(GO_CC)) >/dev/null 2>&1; then echo gcc; \
	elif ! $(TRY_C) -include stdlib.h - >/dev/null 2>&1; then echo libc6-dev; fi; \
	if ! command -v pkg-config >/dev/null 2>&1; then echo pkg-config; fi; \
	if ! $(TRY_C) -include GL/glx.h - $$(pkg-config --cflags --libs gl 2>/dev/null || echo -lno-gl) >/dev/null 2>&1; \
	then echo libgl-dev; fi))

GL_RUN_MISSING = $(strip $(shell \
	if ! (PATH=$$PATH:/sbin:/usr/sbin; ldconfig -p) 2>/dev/null | grep -q 'libEGL\.so\.1'; then echo libegl1; fi))

GLFW_MISSING = $(strip $(shell \
	if ! $(TRY_C) -include X11/extensions/Xrandr.h -include X11/extensions/Xinerama.h -include X11/Xcursor/Xcursor.h \
	-include X11/extensions/XInput2.h -include X11/extensions/xf86vmode.h - \
	-lX11 -lXrandr -lXxf86vm -lXi -lXcursor -lXinerama >/dev/null 2>&1; then echo $(filter %-dev,$(GLFW_PACKAGES)); fi; \
	if ! command -v xvfb-run >/dev/null 2>&1; then echo xvfb; fi; \
	if ! command -v xauth >/dev/null 2>&1; then echo xauth; fi))

# With SAMEBITS_REQUIRE_GL=1, and on CI machines, a test run without OpenGL is a failure.
REQUIRE_GL := $(filter 1,$(SAMEBITS_REQUIRE_GL))$(filter true,$(CI))

# missing WORDS: what is missing, and how to get it where a package holds it.
missing = Missing: $(1).$(if $(filter-out cgo%,$(1)), `make deps` installs it (apt).)

# not-run NAME,MISSING: what a test target says, and how it ends, where something is missing.
define not-run
	@echo '************************************************************************'
	@echo '** $(1) tests were NOT RUN. $(call missing,$(2))'
	@echo '************************************************************************'
	@$(if $(REQUIRE_GL),echo 'OpenGL is required here (CI=true or SAMEBITS_REQUIRE_GL=1).' >&2; exit 1,true)
endef

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: build deps test test-cpu test-caps test-gl test-glfw test-v3 test-arm64 test-cross test-full lint generate generate-check fmt demo bench peers
.PHONY: peerbench clean help

## build: bin/samebits, with OpenGL wherever it can be built (the default)
build:
	@$(if $(GL_BUILD_MISSING),\
	echo 'building without OpenGL. $(call missing,$(GL_BUILD_MISSING))'; \
	CGO_ENABLED=0 $(GO) build -o bin/samebits ./cmd/samebits,\
	echo 'building with OpenGL'; \
	CGO_ENABLED=1 $(GO) build -tags gl -o bin/samebits ./cmd/samebits)

# apt-install PACKAGES: shell that installs those of the packages that are missing.
define apt-install
missing=; \
	for p in $(1); do \
		dpkg-query -W -f='$${Status}' "$$p" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -z "$$missing" ]; then echo '$@: nothing is missing'; exit 0; fi; \
	echo "$@: installing$$missing"; \
	asroot=; \
	if [ "$$(id -u)" != 0 ]; then \
		if ! command -v sudo >/dev/null 2>&1; then \
			echo "run as root: apt-get install$$missing" >&2; exit 1; \
		fi; \
		asroot=sudo; \
	fi; \
	$$asroot apt-get -o Acquire::Retries=3 update -qq && \
	$$asroot env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends $$missing
endef

## deps: installs what OpenGL needs (apt); does nothing where all of it is there
deps:
	@if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then \
		echo 'make deps knows apt alone. Install what your system calls these Debian packages:' >&2; \
		echo '  to build with OpenGL: $(BUILD_PACKAGES)' >&2; \
		echo '  to run it:            $(RUN_PACKAGES) (or the driver of your GPU)' >&2; \
		echo '  to test GLFW:         $(GLFW_PACKAGES)' >&2; \
		echo '  to test arm64:        $(ARM64_PACKAGES)' >&2; \
		exit 1; \
	fi; \
	$(call apt-install,$(PACKAGES))

## test: everything that takes minutes: the CPU, with fewer instructions too, OpenGL on llvmpipe, GLFW, GOAMD64=v3, arm64
test: lint test-cpu test-caps test-v3 test-arm64 test-cross test-gl test-glfw

# As on a machine with nothing but Go.
test-cpu:
	CGO_ENABLED=0 $(GO) build ./...
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) test $(TESTFLAGS) ./...

# The kernels that processors with less choose; their twins stand under each in test-cpu.
test-caps:
	SAMEBITS_CPU=avx2 CGO_ENABLED=0 $(GO) test $(TESTFLAGS) ./cpu
	SAMEBITS_CPU=plain CGO_ENABLED=0 $(GO) test -short $(TESTFLAGS) ./cpu ./algos/cluster

GL_MISSING = $(strip $(GL_BUILD_MISSING) $(GL_RUN_MISSING))
GL_PATTERNS := ./gpu/... ./verify/... ./cmd/... ./algos/...

# -count=1: Go's test cache does not know that a driver changed.

test-gl: export SAMEBITS_REQUIRE_GL := 1
test-gl:
	$(if $(GL_MISSING),$(call not-run,OpenGL,$(GL_MISSING)),$(run-gl))

define run-gl
CGO_ENABLED=1 $(GO) vet -tags gl ./...
	CGO_ENABLED=1 $(GO) build -tags gl ./...
	CGO_ENABLED=1 $(GO) test -tags gl -count=1 $(TESTFLAGS) $(GL_PATTERNS)
endef

GLFW_ALL_MISSING = $(strip $(GL_MISSING) $(GLFW_MISSING))

test-glfw: export SAMEBITS_REQUIRE_GL := 1
test-glfw:
	$(if $(GLFW_ALL_MISSING),$(call not-run,GLFW,$(GLFW_ALL_MISSING)),$(run-glfw))

# -noreset: else Xvfb starts afresh whenever its last client leaves, and refuses the next meanwhile.
define run-glfw
CGO_ENABLED=1 $(GO) vet -tags 'gl glfw' ./gpu
	CGO_ENABLED=1 $(GO) build -tags 'gl glfw' ./...
	CGO_ENABLED=1 xvfb-run -a -s '-screen 0 640x480x24 -noreset' $(GO) test -tags 'gl glfw' -count=1 $(TESTFLAGS) ./gpu
endef

# The compiler fuses multiply and add at GOAMD64=v3; the bits must not change. Skipped where the processor lacks it.
V3_PACKAGES := ./backend/exact ./cpu ./algos/cluster
HAS_V3 = $(shell [ "$$($(GO) env GOARCH)" = amd64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null && \
	grep -qw fma /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo && echo yes)

test-v3:
	$(if $(HAS_V3),GOAMD64=v3 CGO_ENABLED=0 $(GO) test $(TESTFLAGS) $(V3_PACKAGES),\
	@echo 'GOAMD64=v3: NOT RUN: this processor lacks AVX2, FMA or BMI2')

# The statements and the plain twins on the other processor, emulated: there the compiler fuses by default.
ARM64_TESTS := ./backend/exact ./cpu
# What is about contexts, pools and long rows is the same there, and takes an emulator minutes.
ARM64_SKIP := Context|PiecesOfLongRows|SteadyState|PoolsLetOperandsGo|SpoiltThreads|CancelledDraw
# Clustering runs the same statements there; a few tests of it are enough for an emulator.
ARM64_CLUSTER := TestFit|TestEmptyClusters|TestScoresBesideAFarRow
QEMU := $(shell command -v qemu-aarch64)

test-arm64:
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	$(if $(QEMU),GOARCH=arm64 CGO_ENABLED=0 $(GO) test -short -exec $(QEMU) $(TESTFLAGS) -skip '$(ARM64_SKIP)' $(ARM64_TESTS) && \
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -short -exec $(QEMU) $(TESTFLAGS) -run '$(ARM64_CLUSTER)' ./algos/cluster,\
	@echo 'arm64: vetted, NOT RUN: no qemu-aarch64 (`make deps` installs qemu-user)')

# Systems that nothing here runs.
test-cross:
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...

## test-full: the slow sweeps as well (SAMEBITS_FULL=1), with OpenGL where it can be built; generate-check
test-full: export SAMEBITS_FULL := 1
test-full: generate-check
	$(if $(GL_MISSING),CGO_ENABLED=0 $(GO) test -timeout 6h ./...,CGO_ENABLED=1 $(GO) test -tags gl -timeout 6h ./...)

## lint: gofmt; go vet runs with each build variant under test
GOFMT = "$$($(GO) env GOROOT)/bin/gofmt"
GO_FILES = $$(find . -name '*.go' -not -path './.*')

lint:
	@unformatted=$$($(GOFMT) -l $(GO_FILES)) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd (make fmt):"; echo "$$unformatted"; exit 1; fi

## generate: writes the vector kernels of cpu anew (cpu/gen)
generate:
	$(GO) generate ./cpu

# The first line of a generated file is the command that wrote it. The generator is a module of its own, whose
# dependencies Go fetches at its first run.
## generate-check: the vector kernels are what cpu/gen writes
generate-check:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	$(GO) run -C cpu/gen . -out "$$dir/vec_amd64.s" -stubs "$$dir/vec_stubs_amd64.go" -pkg cpu && \
	for f in vec_amd64.s vec_stubs_amd64.go; do \
		tail -n +2 "cpu/$$f" >"$$dir/committed" && tail -n +2 "$$dir/$$f" >"$$dir/generated" && \
		cmp "$$dir/committed" "$$dir/generated" || { echo "cpu/$$f is not what cpu/gen writes (make generate)" >&2; exit 1; }; \
	done && echo 'the vector kernels are what cpu/gen writes'

fmt:
	$(GOFMT) -w $(GO_FILES)

## demo: the one-minute tour (DEMOFLAGS="--image photo.jpg")
demo: build
	bin/samebits demo $(DEMOFLAGS)

## bench: each operation's rate here (BENCHFLAGS)
bench: build
	bin/samebits bench $(BENCHFLAGS)

PEER_PACKAGES := gcc libc6-dev libopenblas-dev libdnnl-dev python3-numpy python3-sklearn python3-faiss python3-torch \
	python3-threadpoolctl

## peers: installs what peerbench compares with (apt; about 1 GB)
peers:
	@command -v dpkg-query >/dev/null || { echo 'make peers knows apt alone; the Debian packages: $(PEER_PACKAGES)' >&2; exit 1; }; \
	$(call apt-install,$(PEER_PACKAGES))

## peerbench: side by side with what a user would pick instead (PEERFLAGS); wants ten minutes of a machine that does nothing else
peerbench:
	CGO_ENABLED=0 $(GO) build -o bin/peerbench ./cmd/peerbench
	bin/peerbench $(PEERFLAGS)

## clean: removes what the other targets made
clean:
	rm -rf bin demo-out

## help: this list
help:
	@sed -n 's/^## /  /p' Makefile
