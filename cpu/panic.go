package cpu

import (
	"fmt"
	"runtime"
	"strings"

	"samebits/backend"
)

// kernelPanic is a panic on its way from the thread that it happened on to the
// operation's caller.
type kernelPanic struct {
	value any
	where string // function and line
}

// panicOf wraps what recover returned; it is called by the deferred function
// that recovers, while the stack still stands.
func panicOf(value any) *kernelPanic {
	if p, ok := value.(*kernelPanic); ok {
		return p
	}
	p := &kernelPanic{value: value, where: "an unknown function"}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			p.where = fmt.Sprintf("%s, line %d", f.Function, f.Line)
			return p
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return p
		}
	}
}

// caught turns what recover returned into an error.
func caught(value any) error {
	p := panicOf(value)
	return fmt.Errorf("panic in %s: %v: %w", p.where, p.value, backend.ErrInternal)
}
