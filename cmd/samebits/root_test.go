package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"samebits/backend"
)

func TestExitCodes(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{context.Background(), errDifference, exitDifference},
		{context.Background(), usagef("no such flag"), exitUsage},
		{context.Background(), backend.ErrArgument, exitUsage},
		{context.Background(), backend.ErrUnavailable, exitUnavailable},
		{context.Background(), backend.ErrNotSupported, exitUnavailable},
		{context.Background(), backend.ErrOutOfMemory, exitUnavailable},
		{context.Background(), backend.ErrContextLost, exitUnavailable},
		{context.Background(), backend.ErrInternal, exitUnavailable},
		{cancelled, context.Canceled, exitInterrupted},
		{cancelled, errors.Join(context.Canceled, backend.ErrInternal), exitInterrupted},
	} {
		if got := exitCode(c.ctx, fmt.Errorf("doing: %w", c.err)); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}
