package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed workers
var workerSources embed.FS

// peerNames lists what a user would pick instead, in the table's order.
var peerNames = []string{"openblas", "onednn", "numpy", "torch", "faiss", "sklearn", freeOrder}

// launcher builds and starts workers.
type launcher struct {
	dir     string // holds the workers and the data; their working directory
	python  string
	isa     string // that every peer is held to
	timeout time.Duration
	// argv, where it has a peer, replaces how the peer is started.
	argv map[string][]string
}

// pool holds one worker a peer, all with the same thread count.
type pool struct {
	*launcher
	threads int
	workers map[string]*worker
	missing map[string]error // peers that cannot be had at all
}

func (l *launcher) newPool(threads int) *pool {
	return &pool{launcher: l, threads: threads, workers: map[string]*worker{}, missing: map[string]error{}}
}

// get returns a peer's worker, started at its first use and again after it
// died of a work.
func (p *pool) get(ctx context.Context, peer string) (*worker, error) {
	if err := p.missing[peer]; err != nil {
		return nil, err
	}
	if w := p.workers[peer]; w != nil && w.dead == nil {
		return w, nil
	}
	argv, err := p.command(ctx, peer)
	if err == nil {
		var w *worker
		if w, err = startWorker(ctx, argv, p.dir, workerEnvironment(p.threads, p.isa), p.timeout); err == nil {
			p.workers[peer] = w
			return w, nil
		}
	}
	if ctx.Err() == nil {
		p.missing[peer] = err
	}
	return nil, err
}

func (p *pool) close() {
	for _, w := range p.workers {
		w.close()
	}
}

// command returns how a peer is started, built where it is a C program.
func (p *pool) command(ctx context.Context, peer string) ([]string, error) {
	if argv := p.argv[peer]; argv != nil {
		return argv, nil
	}
	switch peer {
	case "openblas":
		return p.compile(ctx, peer, "-O2", "-lopenblas")
	case "onednn":
		return p.compile(ctx, peer, "-O2", "-ldnnl")
	case freeOrder:
		if p.isa == isaAVX2 {
			return p.compile(ctx, peer, "-O3", "-march=haswell")
		}
		return p.compile(ctx, peer, "-O3", "-march=native")
	}
	script := filepath.Join(p.dir, "worker.py")
	if err := p.unpack("worker.py"); err != nil {
		return nil, err
	}
	// -s: packages of the user's own would not be the distribution's.
	return []string{p.python, "-s", script, peer, strconv.Itoa(p.threads)}, nil
}

// compile builds a C worker once. Errors wrap errMissing where there is no
// compiler or no library.
func (p *pool) compile(ctx context.Context, peer string, options ...string) ([]string, error) {
	program := filepath.Join(p.dir, peer)
	if _, err := os.Stat(program); err == nil {
		return []string{program}, nil
	}
	source := peer + ".c"
	for _, name := range []string{"protocol.h", source} {
		if err := p.unpack(name); err != nil {
			return nil, err
		}
	}
	cc := exec.CommandContext(ctx, "gcc", slices.Concat([]string{"-o", program, source}, options, []string{"-lm"})...)
	cc.Dir = p.dir
	out, err := cc.CombinedOutput()
	if err != nil {
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "error") || strings.Contains(line, "cannot find") {
				return nil, fmt.Errorf("%w: %s", errMissing, strings.TrimSpace(line))
			}
		}
		return nil, fmt.Errorf("%w: gcc: %v", errMissing, err)
	}
	return []string{program}, nil
}

func (p *pool) unpack(name string) error {
	text, err := workerSources.ReadFile("workers/" + name)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.dir, name), text, 0o600)
}

// workerEnvironment is this process's with the thread count and the
// instruction set in every library's own words, and without what makes a
// library choose another kernel than it would.
func workerEnvironment(threads int, isa string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "OPENBLAS_") || strings.HasPrefix(name, "OMP_") || strings.HasPrefix(name, "GOMP_") ||
			strings.HasPrefix(name, "PYTHON") || name == "MKL_NUM_THREADS" || isPeerISA(v)
	})
	if isa == isaAVX2 {
		env = append(env, peerISA...)
	}
	for _, name := range []string{"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"} {
		env = append(env, fmt.Sprintf("%s=%d", name, threads))
	}
	return env
}

// reason says in a line why a peer has no number.
func reason(err error) string {
	text := err.Error()
	if errors.Is(err, errMissing) && !strings.HasPrefix(text, errMissing.Error()) {
		text = errMissing.Error() + ": " + text
	}
	return strings.Join(strings.Fields(text), " ")
}
