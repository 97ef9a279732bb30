//go:build gl && cgo

package verify_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"samebits/backend"
	"samebits/gpu"
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
	faults := gpu.Faults()
	if len(faults) == 0 {
		t.Fatal("the gl driver has no planted error")
	}
	for _, name := range faults {
		t.Run(name, func(t *testing.T) {
			findPlanted(t, name, openGL(t, backend.Config{Profile: backend.ProfileSplit, Fault: name}))
		})
	}
}
