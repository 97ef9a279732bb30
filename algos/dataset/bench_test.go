package dataset

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// csvText is a table of rows×cols numbers of six decimals, some in exponent form, as CSV.
func csvText(rows, cols int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range rows {
		for j := range cols {
			if j > 0 {
				b.WriteByte(',')
			}
			if i%16 == 0 {
				fmt.Fprintf(&b, "%g", rng.NormFloat64()*1e-6)
			} else {
				fmt.Fprintf(&b, "%.6f", 100*rng.NormFloat64())
			}
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func BenchmarkCSV(b *testing.B) {
	const rows, cols = 1_000_000, 8
	text := csvText(rows, cols)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		table, err := parse(context.Background(), "", bytes.NewReader(text), -1, Options{})
		if err != nil || table.Matrix.Rows != rows || table.Matrix.Cols != cols {
			b.Fatal(table, err)
		}
	}
}

func BenchmarkNpy(b *testing.B) {
	const rows, cols = 1_000_000, 8
	var file bytes.Buffer
	if err := EncodeNpyFloat32(&file, rows, cols, make([]float32, rows*cols)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		_, err := parse(context.Background(), "", bytes.NewReader(file.Bytes()), int64(file.Len()), Options{})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSHA256Float32(b *testing.B) {
	data := make([]float32, 1<<20)
	b.SetBytes(4 << 20)
	for b.Loop() {
		SHA256Float32(data)
	}
}
