package cpu

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// processorName returns the processor's own name where the system tells it,
// else its architecture; with the kernels' instruction set where Cap is set.
func processorName() string {
	if os.Getenv(Cap) != "" {
		return modelName() + " (" + Instructions() + ")"
	}
	return modelName()
}

func modelName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
