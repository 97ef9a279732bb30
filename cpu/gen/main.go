// Command gen writes the vector kernels of the softmax-sampling family. From
// the package's folder above:
//
//	go generate ./cpu
//
// Every kernel is written once, in terms of the operations in simd.go, and
// generated for AVX2 with FMA (8 lanes) and for AVX-512 (16 lanes), and where it
// multiplies and adds, for the fused and the split mac. The steps are those
// of package backend/exact, in its order: only which elements stand side by
// side is chosen here.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("amd64")
	for _, wide := range []bool{false, true} {
		f := simd{wide: wide}
		f.philoxKernel()
		f.uniformKernel()
		f.topKernel()
		f.scaleKernels()
		f.filterKernels()
		for _, fused := range []bool{true, false} {
			f.fused = fused
			f.elementary()
			f.trigonometric()
			f.expSumKernel()
			f.variateKernels()
			f.drawKernel()
			f.scoresKernel()
		}
	}
	Generate()
}
