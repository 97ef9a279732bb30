package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"samebits/cpu"
)

// The instruction sets that all sides can be held to.
const (
	isaNative = "native" // what the processor has
	isaAVX2   = "avx2"
)

// peerISA are the variables by which each peer's library can be held to AVX2.
// FAISS reads none in the versions whose widest build is the AVX2 one.
var peerISA = []string{
	"OPENBLAS_CORETYPE=Haswell", // also the products of NumPy, PyTorch, FAISS and scikit-learn
	"ATEN_CPU_CAPABILITY=avx2",  // PyTorch's own kernels
	"ONEDNN_MAX_CPU_ISA=AVX2",   // oneDNN from 2.5 on, also inside PyTorch
	"DNNL_MAX_CPU_ISA=AVX2",     // oneDNN before
	"FAISS_OPT_LEVEL=avx2",
	"NPY_DISABLE_CPU_FEATURES=AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
}

// isPeerISA says that an environment's entry is one of those variables,
// whatever its value.
func isPeerISA(entry string) bool {
	name, _, _ := strings.Cut(entry, "=")
	return slices.ContainsFunc(peerISA, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

// checkISA checks --isa against the processor and the environment.
func (a *app) checkISA() error {
	switch limit := os.Getenv(cpu.Cap); {
	case a.isa != isaNative && a.isa != isaAVX2:
		return usagef("--isa %q: want native or avx2", a.isa)
	case limit != "" && limit != a.isa:
		return usagef("%s=%s holds our side alone back: unset it, and use --isa", cpu.Cap, limit)
	case a.isa == isaAVX2 && cpu.Instructions() == "plain":
		return usagef("--isa avx2: this processor has no AVX2")
	}
	return nil
}

// again runs the program once more with our kernels held to a.isa, since they
// read their cap when a program starts. done is false where they are held
// already; else the exit code is the child's.
func (a *app) again(ctx context.Context) (code int, done bool, err error) {
	if a.isa == isaNative || cpu.Instructions() == a.isa {
		return 0, false, nil
	}
	argv := a.self
	if argv == nil {
		program, err := os.Executable()
		if err != nil {
			return 0, true, err
		}
		argv = []string{program}
	}
	cmd := exec.CommandContext(ctx, argv[0], slices.Concat(argv[1:], a.args)...)
	cmd.Stdout, cmd.Stderr = a.stdout, a.stderr
	cmd.Env = append(os.Environ(), cpu.Cap+"="+a.isa)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, true, ctx.Err()
	case errors.As(err, &exit):
		return exit.ExitCode(), true, nil
	case err != nil:
		return 0, true, fmt.Errorf("--isa %s: %w", a.isa, err)
	}
	return exitDone, true, nil
}
