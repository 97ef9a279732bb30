//go:build gl && cgo

package main

import (
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
	if code, _, errOut := sh("verify", "--backend", "gl", "--fault", "nothing", "--quiet"); code != exitUsage || !strings.Contains(errOut, "matmul-k-tail-dropped") {
		t.Errorf("unknown planted error: exit %d: %s", code, errOut)
	}
}
