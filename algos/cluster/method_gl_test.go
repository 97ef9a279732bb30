//go:build gl && cgo

package cluster

import (
	"errors"
	"os"
	"testing"

	"samebits/backend"
	_ "samebits/gpu"
)

// TestGLGivesEveryMethodsBits runs every method on OpenGL and on the CPU.
func TestGLGivesEveryMethodsBits(t *testing.T) {
	gl, err := backend.Open(ctx, "gl", backend.Config{Profile: backend.ProfileSplit})
	if errors.Is(err, backend.ErrUnavailable) && os.Getenv("SAMEBITS_REQUIRE_GL") != "1" && os.Getenv("CI") != "true" {
		t.Skip("SKIPPED: OpenGL does not work here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer gl.Close()
	cpu := open(t, "cpu", backend.Config{Profile: backend.ProfileSplit})
	data := blobs(17, 150, 4, 3, 5)
	for _, cfg := range everyConfig() {
		if cfg.MaxIter == 0 {
			cfg.MaxIter = 6
		}
		want, err := Fit(ctx, cpu, data, cfg)
		if err != nil {
			t.Fatal(describe(cfg), err)
		}
		got, err := Fit(ctx, gl, data, cfg)
		if err != nil {
			t.Fatal(describe(cfg), err)
		}
		if outcome(got) != outcome(want) {
			t.Errorf("%s: %s\nwant %s", describe(cfg), outcome(got), outcome(want))
		}
	}
}
