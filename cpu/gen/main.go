package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	TEXT("t", NOSPLIT, "func(x *float32)")
	m := Mem{Base: Load(Param("x"), GP64())}
	z := ZMM()
	VADDPS_BCST(m, z, z)
	k := K()
	VCMPPS(U8(1), z, z, k)
	RET()
	Generate()
}
