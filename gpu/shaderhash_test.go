//go:build gl && cgo

package gpu

import (
	"context"
	"testing"

	"samebits/backend"
)

// TestShaderHash: an operation's programs have a digest once it has run; it
// repeats on another context and tells a planted error.
func TestShaderHash(t *testing.T) {
	hash := func(fault string) string {
		dev := openGLFault(t, backend.ProfileSplit, fault)
		if h := dev.ShaderHash("matmul"); h != "" {
			t.Errorf("before it has run: %s", h)
		}
		s := backend.NewScope(context.Background(), dev)
		defer s.Close()
		x := backend.Put(s, 2, 2, []float32{1, 2, 3, 4})
		s.Run(&backend.MatMul{C: s.New(backend.Float32, 2, 2), A: x, B: x})
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if h := dev.ShaderHash("softmax"); h != "" {
			t.Errorf("an operation that has not run: %s", h)
		}
		return dev.ShaderHash("matmul")
	}
	a, b, planted := hash(""), hash(""), hash("matmul-k-tail-dropped")
	if len(a) != 64 || a != b || planted == a || len(planted) != 64 {
		t.Errorf("hashes %q, %q, with an error planted %q", a, b, planted)
	}
}
