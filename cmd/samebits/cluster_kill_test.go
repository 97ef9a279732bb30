package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A run that is killed ten times, at moments that no program can choose, and
// resumed each time gives the digests of one that was left alone.
func TestKilledTenTimes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path, dir := blobsNpy(t, 30000, 8), t.TempDir()
	flags := []string{"cluster", path, "--k", "12", "--n-init", "3", "--max-iter", "40", "--tol", "0", "--quiet", "--threads", "1"}
	whole := runJSON(t, flags...)
	checkpoint := filepath.Join(dir, "checkpoint")
	args := append(flags, "--json", "--chunk-rows", "3000", "--checkpoint", checkpoint, "--resume")
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	killed := 0
	for begun := time.Now(); ; {
		cmd := exec.Command(self, args...)
		cmd.Env = append(os.Environ(), runAsProgram+"=1")
		if killed < 10 {
			timer := time.AfterFunc(time.Duration(20+r.IntN(200))*time.Millisecond, func() { cmd.Process.Kill() })
			defer timer.Stop()
		}
		out, err := cmd.Output()
		if err != nil {
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("%v: %s", err, out)
			}
			killed++
			continue
		}
		if killed < 10 && time.Since(begun) < 30*time.Second { // it was faster: begin again
			if err := os.Remove(checkpoint); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		sameDigests(t, fmt.Sprint("killed ", killed, " times"), got, whole)
		if killed < 10 {
			t.Fatalf("killed %d times in 30 s", killed)
		}
		return
	}
}
