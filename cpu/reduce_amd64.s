#include "textflag.h"

// The reductions, eight elements a step. Those that add or compare floats set
// MXCSR to its default meanwhile, because a library in the same thread may have
// switched flushing of subnormals on.

DATA reduceMXCSR<>+0(SB)/4, $0x1f80
GLOBL reduceMXCSR<>(SB), RODATA|NOPTR, $4

#define ENTER \
	STMXCSR saved-8(SP); \
	LDMXCSR reduceMXCSR<>(SB)

#define LEAVE \
	LDMXCSR saved-8(SP); \
	VZEROUPPER; \
	RET

// LANES adds 64 elements from x on to the 64 lanes in Y0..Y7.
#define LANES(x) \
	VADDPS 0(x), Y0, Y0; \
	VADDPS 32(x), Y1, Y1; \
	VADDPS 64(x), Y2, Y2; \
	VADDPS 96(x), Y3, Y3; \
	VADDPS 128(x), Y4, Y4; \
	VADDPS 160(x), Y5, Y5; \
	VADDPS 192(x), Y6, Y6; \
	VADDPS 224(x), Y7, Y7

// func rowSumAVX2(x *float32, blocks int, last *[64]float32) float32
TEXT ·rowSumAVX2(SB), NOSPLIT, $8-28
	ENTER
	MOVQ x+0(FP), SI
	MOVQ blocks+8(FP), CX
	MOVQ last+16(FP), DX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	TESTQ CX, CX
	JZ rest

block:
	LANES(SI)
	ADDQ $256, SI
	DECQ CX
	JNZ block

rest:
	TESTQ DX, DX
	JZ tree
	LANES(DX)

tree:
	// lane[l] += lane[l+s] for s = 32, 16, 8
	VADDPS Y4, Y0, Y0
	VADDPS Y5, Y1, Y1
	VADDPS Y6, Y2, Y2
	VADDPS Y7, Y3, Y3
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	VADDPS Y1, Y0, Y0

	// s = 4, 2, 1
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+24(FP)
	LEAVE

// func addRowsAVX2(y, x *float32, stride, rows, steps int)
//
// Four rows at a time, each element's chain in ascending order.
TEXT ·addRowsAVX2(SB), NOSPLIT, $8-40
	ENTER
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ stride+16(FP), R10
	MOVQ rows+24(FP), CX
	MOVQ steps+32(FP), R9
	SHLQ $2, R10
	SHLQ $5, R9 // bytes of a row
	LEAQ (R10)(R10*2), R11
	SUBQ $4, CX
	JL single

four:
	MOVQ SI, R8
	LEAQ (SI)(R10*4), R13
	XORQ AX, AX

fourStep:
	VMOVUPS (DI)(AX*1), Y0
	VADDPS (R8), Y0, Y0
	VADDPS (R8)(R10*1), Y0, Y0
	VADDPS (R8)(R10*2), Y0, Y0
	VADDPS (R8)(R11*1), Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ $32, R8
	ADDQ $32, AX
	CMPQ AX, R9
	JLT fourStep
	MOVQ R13, SI
	SUBQ $4, CX
	JGE four

single:
	ADDQ $4, CX
	JZ done

row:
	XORQ AX, AX

rowStep:
	VMOVUPS (DI)(AX*1), Y0
	VADDPS (SI)(AX*1), Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, R9
	JLT rowStep
	ADDQ R10, SI
	DECQ CX
	JNZ row

done:
	LEAVE

// LARGER takes 8 elements at offset o into largest; a NaN shows in Y14.
#define LARGER(o, largest) \
	VXORPS o(SI), Y15, Y8; \
	VCMPPS $3, Y8, Y8, Y9; \
	VORPS Y9, Y14, Y14; \
	VMAXPS largest, Y8, largest

// func largestAVX2(x *float32, steps int, flip uint32) (largest float32, nan bool)
TEXT ·largestAVX2(SB), NOSPLIT, $8-29
	ENTER
	MOVQ x+0(FP), SI
	MOVQ steps+8(FP), CX
	VBROADCASTSS flip+16(FP), Y15
	VXORPS Y14, Y14, Y14
	VXORPS (SI), Y15, Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	SUBQ $4, CX
	JL single

four:
	LARGER(0, Y0)
	LARGER(32, Y1)
	LARGER(64, Y2)
	LARGER(96, Y3)
	ADDQ $128, SI
	SUBQ $4, CX
	JGE four

single:
	ADDQ $4, CX
	JZ combine

one:
	LARGER(0, Y0)
	ADDQ $32, SI
	DECQ CX
	JNZ one

combine:
	VMAXPS Y1, Y0, Y0
	VMAXPS Y3, Y2, Y2
	VMAXPS Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VMAXPS X1, X0, X0
	VMOVSHDUP X0, X1
	VMAXSS X1, X0, X0
	VMOVSS X0, largest+24(FP)
	VMOVMSKPS Y14, AX
	TESTL AX, AX
	SETNE nan+28(FP)
	LEAVE

// func indexAVX2(x *float32, steps int, v float32) int
TEXT ·indexAVX2(SB), NOSPLIT, $8-32
	ENTER
	MOVQ x+0(FP), SI
	MOVQ steps+8(FP), CX
	VBROADCASTSS v+16(FP), Y15
	XORQ AX, AX

step:
	VCMPPS $0, (SI)(AX*4), Y15, Y0
	VMOVMSKPS Y0, DX
	TESTL DX, DX
	JNZ found
	ADDQ $8, AX
	DECQ CX
	JNZ step
	MOVQ $-1, AX
	JMP done

found:
	BSFL DX, DX
	ADDQ DX, AX

done:
	MOVQ AX, ret+24(FP)
	LEAVE

// FINITE leaves |x| in v where x is finite, else 0; Y15 masks the sign off, Y14
// holds the bits of infinity.
#define FINITE(x, v, t) \
	VPAND x, Y15, v; \
	VPCMPGTD v, Y14, t; \
	VPAND t, v, v

#define FINITEMASKS \
	VPCMPEQD Y15, Y15, Y15; \
	VPSRLD $1, Y15, Y15; \
	VPSRLD $24, Y15, Y14; \
	VPSLLD $24, Y14, Y14; \
	VPCMPEQD Y13, Y13, Y13; \
	VPSRLD $31, Y13, Y13; \
	VPSLLD $23, Y13, Y13; \
	VPADDD Y13, Y14, Y14

// func maxAbsFiniteAVX2(x *float32, steps int) uint32
TEXT ·maxAbsFiniteAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ steps+8(FP), CX
	FINITEMASKS
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	SUBQ $2, CX
	JL single

two:
	FINITE((SI), Y2, Y3)
	VPMAXSD Y2, Y0, Y0
	FINITE(32(SI), Y4, Y5)
	VPMAXSD Y4, Y1, Y1
	ADDQ $64, SI
	SUBQ $2, CX
	JGE two

single:
	ADDQ $2, CX
	JZ combine
	FINITE((SI), Y2, Y3)
	VPMAXSD Y2, Y0, Y0

combine:
	VPMAXSD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0x4E, X0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0xB1, X0, X1
	VPMAXSD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+16(FP)
	VZEROUPPER
	RET

// func maxAbsFiniteColumnsAVX2(largest *uint32, x *float32, stride, rows, steps int)
TEXT ·maxAbsFiniteColumnsAVX2(SB), NOSPLIT, $0-40
	MOVQ largest+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ stride+16(FP), R10
	MOVQ rows+24(FP), CX
	MOVQ steps+32(FP), R9
	SHLQ $2, R10
	SHLQ $5, R9
	FINITEMASKS

row:
	XORQ AX, AX

step:
	FINITE((SI)(AX*1), Y2, Y3)
	VPMAXSD (DI)(AX*1), Y2, Y2
	VMOVDQU Y2, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, R9
	JLT step
	ADDQ R10, SI
	DECQ CX
	JNZ row
	VZEROUPPER
	RET

// func largestColumnsAVX2(top *float32, best *int32, x *float32, stride, rows, steps int, flip uint32)
TEXT ·largestColumnsAVX2(SB), NOSPLIT, $8-52
	ENTER
	MOVQ top+0(FP), DI
	MOVQ best+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ stride+24(FP), R10
	MOVQ rows+32(FP), CX
	MOVQ steps+40(FP), R9
	VBROADCASTSS flip+48(FP), Y15
	SHLQ $2, R10
	SHLQ $5, R9
	XORL BX, BX // the row's number

row:
	VMOVD BX, X14
	VPBROADCASTD X14, Y14
	XORQ AX, AX

step:
	VXORPS (SI)(AX*1), Y15, Y0
	VMOVUPS (DI)(AX*1), Y1
	VCMPPS $0x11, Y0, Y1, Y2 // top < x
	VCMPPS $3, Y0, Y0, Y3    // x is NaN
	VCMPPS $7, Y1, Y1, Y4    // top is not
	VANDPS Y4, Y3, Y3
	VORPS Y3, Y2, Y2
	VBLENDVPS Y2, Y0, Y1, Y1
	VMOVUPS Y1, (DI)(AX*1)
	VMOVUPS (DX)(AX*1), Y1
	VBLENDVPS Y2, Y14, Y1, Y1
	VMOVUPS Y1, (DX)(AX*1)
	ADDQ $32, AX
	CMPQ AX, R9
	JLT step
	ADDQ R10, SI
	INCL BX
	DECQ CX
	JNZ row
	LEAVE
