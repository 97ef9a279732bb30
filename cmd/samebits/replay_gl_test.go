//go:build gl && cgo

package main

import "testing"

// A clustering recorded on one thread of the processor has the same digests on
// two and in shaders, and the other way round.
func TestReplayOnGL(t *testing.T) {
	needGL(t)
	data := groups(t, 700)
	for _, profile := range []string{"fused", "split"} {
		for _, way := range [][2]string{{"cpu", "gl"}, {"gl", "cpu"}} {
			m := recorded(t, "cluster", data, "--k", "6", "--n-init", "2", "--max-iter", "5", "--profile", profile, "--backend", way[0], "--threads", "1")
			for _, to := range [][]string{{"--backend", "cpu", "--threads", "2"}, {"--backend", way[1]}} {
				code, v := replayJSON(t, append([]string{m}, to...)...)
				if code != exitDone || v["same"] != true || v["outputs"] != 4.0 || v["steps"].(float64) < 4 {
					t.Errorf("%s, recorded on %s, replayed with %v: exit %d: %v", profile, way[0], to, code, v)
				}
			}
		}
	}
}
