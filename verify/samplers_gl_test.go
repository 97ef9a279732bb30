//go:build gl && cgo

package verify

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"samebits/backend"
	_ "samebits/gpu"
)

// TestSamplersOfOpenGL: the checks pass on the first OpenGL device. Without one
// the test is skipped, or fails where SAMEBITS_REQUIRE_GL is 1 or CI is true.
func TestSamplersOfOpenGL(t *testing.T) {
	ctx := context.Background()
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		tested, err := backend.Open(ctx, "gl", backend.Config{Profile: p})
		if errors.Is(err, backend.ErrUnavailable) && os.Getenv("SAMEBITS_REQUIRE_GL") != "1" && os.Getenv("CI") != "true" {
			t.Skipf("NOT RUN: no usable OpenGL device: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer tested.Close()
		against, err := backend.Open(ctx, "cpu", backend.Config{Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		defer against.Close()
		start, n := time.Now(), 0
		err = samplers(ctx, Options{Tested: tested, Against: against, Seed: 1}, func(c Check) {
			n++
			if !c.Passed {
				t.Errorf("%s: %+v", p, c)
			}
		})
		if err != nil || n < 60 {
			t.Errorf("%s: %d checks, %v", p, n, err)
		}
		t.Logf("%s: %d checks on %s in %.2f s", p, n, tested.Info().Name, time.Since(start).Seconds())
	}
}
