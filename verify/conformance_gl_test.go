//go:build gl && cgo

package verify_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"samebits/backend"
	_ "samebits/gpu"
	"samebits/verify"
)

// openGL opens the first OpenGL device. Without one the test is skipped, or
// fails where SAMEBITS_REQUIRE_GL is 1 or CI is true.
func openGL(t *testing.T, cfg backend.Config) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), "gl", cfg)
	if errors.Is(err, backend.ErrUnavailable) && os.Getenv("SAMEBITS_REQUIRE_GL") != "1" && os.Getenv("CI") != "true" {
		t.Skipf("NOT RUN: no usable OpenGL device: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

func TestConformanceOfOpenGL(t *testing.T) {
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		t.Run(string(p), func(t *testing.T) {
			start := time.Now()
			against, err := backend.Open(context.Background(), "cpu", backend.Config{Profile: p})
			if err != nil {
				t.Fatal(err)
			}
			defer against.Close()
			r, err := verify.Run(context.Background(), verify.Options{Tested: openGL(t, backend.Config{Profile: p}), Against: against, Seed: 1, MaxFailures: 20})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s in %.1f s", r.Summary(), time.Since(start).Seconds())
			for _, op := range r.Ops {
				t.Logf("%s: %d cases, %.2f s, worst error %.3f bounds", op.Op, op.Compared, op.Seconds, float64(op.WorstError))
			}
			for _, f := range r.Failures {
				t.Errorf("%s: %s: %s", f.Case, f.Kind, f.Message)
			}
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			if len(r.Uncompared) > 0 || len(r.Skipped) > 0 {
				t.Errorf("operations without a comparison: %v; skips: %+v", r.Uncompared, r.Skipped)
			}
		})
	}
}

func TestEveryPlantedErrorOfOpenGLIsFound(t *testing.T) {
	for _, name := range []string{"matmul-k-tail-dropped", "gather-index-out-of-bounds"} {
		findPlanted(t, name, openGL(t, backend.Config{Profile: backend.ProfileSplit, Fault: name}))
	}
	r, err := verify.Kill(context.Background(), verify.KillOptions{
		Drivers: []string{"gl"}, Config: backend.Config{Profile: backend.ProfileSplit}, Seed: 1, CleanRuns: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Error(err, r.Alarms)
	}
	for _, m := range r.Matrix {
		if m.Silent && !slices.Contains(m.KilledBy, "source") {
			t.Errorf("%s, which outputs need not show, is killed by %v", m.Mutant, m.KilledBy)
		}
	}
	if planted := len(backend.Faults("gl")); planted < 35 || r.Mutants < planted {
		t.Errorf("%d errors of the shaders, %d mutants", planted, r.Mutants)
	}
}
