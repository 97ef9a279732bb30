//go:build gl && cgo

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestVerifyOnOpenGL(t *testing.T) {
	needGL(t)
	for _, profile := range []string{"fused", "split"} {
		r := runJSON(t, "verify", "--suite", "quick", "--backend", "gl", "--profile", profile, "--quiet")
		if r["against"] != "cpu" || r["compared"].(float64) < 500 || r["bit_identical"] != r["compared"] || r["within_bound"] != r["compared"] ||
			r["failed"].(float64) != 0 || len(r["skipped"].([]any)) > 0 || len(r["uncompared"].([]any)) > 0 {
			t.Errorf("%s: compared %v, same bits %v, failed %v, skipped %v, failures %v", profile, r["compared"], r["bit_identical"], r["failed"], r["skipped"], r["failures"])
		}
	}
	code, out, errOut := sh("verify", "--backend", "gl", "--op", "matmul", "--fault", "matmul-k-tail-dropped", "--quiet")
	if code != exitDifference || !strings.Contains(out, "wrong: gl:0") {
		t.Errorf("planted error: exit %d: %s%s", code, out, errOut)
	}
	if code, _, errOut := sh("verify", "--backend", "gl", "--fault", "matmul-k-tail", "--quiet"); code != exitUsage || !strings.Contains(errOut, "matmul-k-tail-dropped") {
		t.Errorf("unknown planted error: exit %d: %s", code, errOut)
	}
}

// TestVerifyRecordsMeetOnOpenGL: what the processor records OpenGL confirms,
// and the reverse, under both macs; a planted error is named.
func TestVerifyRecordsMeetOnOpenGL(t *testing.T) {
	needGL(t)
	for _, profile := range []string{"fused", "split"} {
		for _, pair := range [][2]string{{"cpu", "gl"}, {"gl", "cpu"}} {
			file := filepath.Join(t.TempDir(), "record.json")
			if code, out, errOut := sh("verify", "--backend", pair[0], "--op", "nearest", "--profile", profile, "--record", file, "--quiet"); code != exitDone {
				t.Fatalf("%s %v: exit %d: %s%s", profile, pair, code, out, errOut)
			}
			r := runJSON(t, "verify", "--backend", pair[1], "--profile", profile, "--against", file, "--quiet")
			if r["compared"].(float64) == 0 || r["bit_identical"] != r["compared"] {
				t.Errorf("%s %v: %v", profile, pair, r)
			}
			if pair[1] == "gl" {
				code, out, _ := sh("verify", "--backend", "gl", "--profile", profile, "--against", file, "--fault", "nearest-ties-reversed", "--quiet")
				if code != exitDifference || !strings.Contains(out, "FAILED nearest/") || !strings.Contains(out, "wrong: gl:0") {
					t.Errorf("%s: planted error: exit %d: %s", profile, code, out)
				}
			}
		}
	}
}
