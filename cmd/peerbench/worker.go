package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// worker is a peer in a process of its own. It answers one line to one line:
//
//	(at start)              ready VERSION KERNEL, or missing REASON
//	load KIND NUMBER...     ok: the files of the working directory are the operands
//	run REPS WARM           seconds S: of REPS runs together, after WARM untimed ones
//	result FILE             ok TYPE: the last run's output is in FILE, little-endian
//	quit                    (ends)
//
// Any request may be answered by error REASON. Fields of an answer are
// separated by tabs.
type worker struct {
	version, kernel string

	cmd     *exec.Cmd
	in      io.WriteCloser
	lines   chan string
	stderr  *tail
	timeout time.Duration
	dead    error // why it answers no more
}

// errMissing says that a peer is not installed or cannot be built.
var errMissing = errors.New("missing")

// startWorker starts a peer and waits until it is ready. Errors wrap
// errMissing where the peer says so itself.
func startWorker(ctx context.Context, argv []string, dir string, env []string, timeout time.Duration) (*worker, error) {
	w := &worker{cmd: exec.Command(argv[0], argv[1:]...), lines: make(chan string), stderr: &tail{}, timeout: timeout}
	w.cmd.Dir, w.cmd.Env, w.cmd.Stderr = dir, env, w.stderr
	w.cmd.WaitDelay = time.Second
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %v", errMissing, err)
	}
	w.in = in
	go func() {
		defer close(w.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			w.lines <- s.Text()
		}
	}()
	fields, err := w.answer(ctx, "ready")
	if err != nil {
		w.kill()
		return nil, err
	}
	w.version, w.kernel = field(fields, 0), field(fields, 1)
	return w, nil
}

// ask sends a request and returns the fields of the answer, which must be of
// the kind wanted. After an error other than the worker's own the worker is
// dead.
func (w *worker) ask(ctx context.Context, want, format string, args ...any) ([]string, error) {
	if w.dead != nil {
		return nil, w.dead
	}
	// A worker that ended closes the pipe; the answer then says why.
	fmt.Fprintf(w.in, format+"\n", args...)
	return w.answer(ctx, want)
}

func (w *worker) answer(ctx context.Context, want string) ([]string, error) {
	timer := time.NewTimer(w.timeout)
	defer timer.Stop()
	select {
	case line, ok := <-w.lines:
		if !ok {
			return nil, w.die(fmt.Errorf("ended: %v%s", w.cmd.Wait(), w.stderr))
		}
		kind, fields, err := parseAnswer(line)
		switch {
		case err != nil:
			return nil, w.die(err)
		case kind == "error":
			return nil, errors.New(field(fields, 0))
		case kind == "missing":
			return nil, w.die(fmt.Errorf("%w: %s", errMissing, field(fields, 0)))
		case kind != want:
			return nil, w.die(fmt.Errorf("answered %s where %s was due", kind, want))
		}
		return fields, nil
	case <-timer.C:
		return nil, w.die(fmt.Errorf("no answer within %v%s", w.timeout, w.stderr))
	case <-ctx.Done():
		return nil, w.die(ctx.Err())
	}
}

// seconds asks for reps timed runs after warm untimed ones and returns the
// seconds of one.
func (w *worker) seconds(ctx context.Context, reps, warm int) (float64, error) {
	fields, err := w.ask(ctx, "seconds", "run %d %d", reps, warm)
	if err != nil {
		return 0, err
	}
	s, err := strconv.ParseFloat(field(fields, 0), 64)
	if err != nil || !(s > 0) || math.IsInf(s, 0) {
		return 0, w.die(fmt.Errorf("reports %q seconds", field(fields, 0)))
	}
	return s / float64(reps), nil
}

// die ends the process and keeps the reason.
func (w *worker) die(reason error) error {
	w.dead = reason
	w.kill()
	return reason
}

func (w *worker) kill() {
	w.in.Close()
	w.cmd.Process.Kill()
	w.reap()
}

// reap waits for the process; Wait closes the pipe even where a child of the
// worker's still holds its other end.
func (w *worker) reap() {
	go func() {
		for range w.lines {
		}
	}()
	w.cmd.Wait()
}

// close lets the worker end by itself, or ends it.
func (w *worker) close() {
	if w.dead != nil {
		return
	}
	w.dead = os.ErrClosed
	fmt.Fprintln(w.in, "quit")
	w.in.Close()
	stop := time.AfterFunc(5*time.Second, func() { w.cmd.Process.Kill() })
	defer stop.Stop()
	w.reap()
}

// parseAnswer splits a worker's line.
func parseAnswer(line string) (kind string, fields []string, err error) {
	all := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
	least := map[string]int{"ready": 2, "missing": 1, "ok": 0, "seconds": 1, "error": 1}
	n, known := least[all[0]]
	if !known || len(all)-1 < n {
		return "", nil, fmt.Errorf("answered %.80q, which is not in the protocol", line)
	}
	return all[0], all[1:], nil
}

func field(fields []string, i int) string {
	if i < len(fields) {
		return fields[i]
	}
	return ""
}

// tail keeps the last line that a process wrote.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - tailBytes; n > 0 {
		t.text = t.text[n:]
	}
	return len(p), nil
}

// String is the last line, led by a colon, or nothing.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}
