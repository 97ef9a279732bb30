package backend_test

import (
	"context"
	"fmt"
	"log"

	"samebits/backend"
	"samebits/backend/exact"
	_ "samebits/cpu"
	_ "samebits/gpu"
)

// A product with its epilogue and draws from the softmax of its rows: the
// same numbers on every device.
func Example() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "auto", backend.Config{}) // or "cpu", "gl", "gl:1"
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	s := backend.NewScope(ctx, dev) // owns tensors, keeps the first error
	defer s.Close()
	x := backend.Put(s, 2, 3, []float32{1, 2, 3, 4, 5, 6})
	w := backend.Put(s, 3, 4, []float32{.1, -.2, .3, 0, .3, .1, -.1, .2, 0, .2, .1, -.3})
	bias := backend.Put(s, 1, 4, []float32{0, 1, 0, 1})
	logits := s.New(backend.Float32, 2, 4)
	draws := s.New(backend.Int32, 2, 10)
	s.Run(
		&backend.MatMul{C: logits, A: x, B: w, Bias: bias, Act: backend.Relu},
		&backend.Categorical{Index: draws, X: logits, Draws: backend.Draws{Seed: 1, Use: exact.UseCategorical}},
	)
	y, d := backend.Get[float32](s, logits), backend.Get[int32](s, draws)
	if err := s.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(y[:4], d[:10])
	fmt.Println(y[4:], d[10:])
	// Output:
	// [0.70000005 1.6 0.4 0.5] [0 1 2 1 3 0 1 1 1 0]
	// [1.9000001 1.9 1.3000001 0.19999993] [1 1 2 1 0 2 3 1 1 0]
}
