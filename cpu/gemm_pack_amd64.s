#include "textflag.h"

// func packQuadAVX2(dst *float32, step int, src *float32, stride int, kc int)
//
// R8..R11 walk four rows, DI the panel by CX bytes a step. Eight steps of four
// rows are transposed in registers.
TEXT ·packQuadAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), CX
	MOVQ src+16(FP), R8
	MOVQ stride+24(FP), AX
	MOVQ kc+32(FP), BX
	LEAQ (R8)(AX*1), R9
	LEAQ (R8)(AX*2), R10
	LEAQ (R9)(AX*2), R11
	LEAQ (CX)(CX*2), DX
	SUBQ $8, BX
	JLT rest

eight:
	VMOVUPS (R8), Y0
	VMOVUPS (R9), Y1
	VMOVUPS (R10), Y2
	VMOVUPS (R11), Y3
	VUNPCKLPS Y1, Y0, Y4
	VUNPCKHPS Y1, Y0, Y5
	VUNPCKLPS Y3, Y2, Y6
	VUNPCKHPS Y3, Y2, Y7
	VUNPCKLPD Y6, Y4, Y8
	VUNPCKHPD Y6, Y4, Y9
	VUNPCKLPD Y7, Y5, Y10
	VUNPCKHPD Y7, Y5, Y11
	VMOVUPS X8, (DI)
	VMOVUPS X9, (DI)(CX*1)
	VMOVUPS X10, (DI)(CX*2)
	VMOVUPS X11, (DI)(DX*1)
	LEAQ (DI)(CX*4), DI
	VEXTRACTF128 $1, Y8, (DI)
	VEXTRACTF128 $1, Y9, (DI)(CX*1)
	VEXTRACTF128 $1, Y10, (DI)(CX*2)
	VEXTRACTF128 $1, Y11, (DI)(DX*1)
	LEAQ (DI)(CX*4), DI
	ADDQ $32, R8
	ADDQ $32, R9
	ADDQ $32, R10
	ADDQ $32, R11
	SUBQ $8, BX
	JGE eight

rest:
	ADDQ $8, BX
	JZ done

one:
	MOVL (R8), R12
	MOVL R12, (DI)
	MOVL (R9), R12
	MOVL R12, 4(DI)
	MOVL (R10), R12
	MOVL R12, 8(DI)
	MOVL (R11), R12
	MOVL R12, 12(DI)
	ADDQ CX, DI
	ADDQ $4, R8
	ADDQ $4, R9
	ADDQ $4, R10
	ADDQ $4, R11
	DECQ BX
	JNZ one

done:
	VZEROUPPER
	RET

// func packCopyAVX2(dst *float32, width int, src *float32, stride int, kc int)
TEXT ·packCopyAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ width+8(FP), AX
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), DX
	MOVQ kc+32(FP), CX
	CMPQ AX, $32
	JEQ wide

narrow:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ DX, SI
	ADDQ $64, DI
	DECQ CX
	JNZ narrow
	VZEROUPPER
	RET

wide:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ DX, SI
	ADDQ $128, DI
	DECQ CX
	JNZ wide
	VZEROUPPER
	RET

// func packPairsAVX2(dst *float32, width int, src *float32, stride int, kc int, signs *[4]uint32)
//
// Y14 and Y15 flip the signs of the even and the odd step.
TEXT ·packPairsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ width+8(FP), AX
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), DX
	MOVQ kc+32(FP), CX
	MOVQ signs+40(FP), BX
	VBROADCASTSD (BX), Y14
	VBROADCASTSD 8(BX), Y15
	SHLQ $2, AX

step:
	XORQ R8, R8

lanes:
	VMOVUPS (SI)(R8*1), Y0
	VPERMILPS $0xb1, Y0, Y1
	VXORPS Y14, Y0, Y0
	VXORPS Y15, Y1, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(AX*1)
	ADDQ $32, DI
	ADDQ $32, R8
	CMPQ R8, AX
	JLT lanes
	ADDQ AX, DI
	ADDQ DX, SI
	DECQ CX
	JNZ step
	VZEROUPPER
	RET

// edge<> gives a mask of the first n of 32 lanes from 4·(32−n) on.
DATA edge<>+0(SB)/8, $-1
DATA edge<>+8(SB)/8, $-1
DATA edge<>+16(SB)/8, $-1
DATA edge<>+24(SB)/8, $-1
DATA edge<>+32(SB)/8, $-1
DATA edge<>+40(SB)/8, $-1
DATA edge<>+48(SB)/8, $-1
DATA edge<>+56(SB)/8, $-1
DATA edge<>+64(SB)/8, $-1
DATA edge<>+72(SB)/8, $-1
DATA edge<>+80(SB)/8, $-1
DATA edge<>+88(SB)/8, $-1
DATA edge<>+96(SB)/8, $-1
DATA edge<>+104(SB)/8, $-1
DATA edge<>+112(SB)/8, $-1
DATA edge<>+120(SB)/8, $-1
GLOBL edge<>(SB), RODATA|NOPTR, $256

// func packEdgeAVX2(dst *float32, width int, src *float32, stride int, kc int, n int)
TEXT ·packEdgeAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ width+8(FP), AX
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), DX
	MOVQ kc+32(FP), CX
	MOVQ n+40(FP), R8
	NEGQ R8
	LEAQ edge<>+128(SB), R9
	LEAQ (R9)(R8*4), R9
	VMOVUPS (R9), Y8
	VMOVUPS 32(R9), Y9
	VMOVUPS 64(R9), Y10
	VMOVUPS 96(R9), Y11
	CMPQ AX, $32
	JEQ wide

narrow:
	VMASKMOVPS (SI), Y8, Y0
	VMASKMOVPS 32(SI), Y9, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ DX, SI
	ADDQ $64, DI
	DECQ CX
	JNZ narrow
	VZEROUPPER
	RET

wide:
	VMASKMOVPS (SI), Y8, Y0
	VMASKMOVPS 32(SI), Y9, Y1
	VMASKMOVPS 64(SI), Y10, Y2
	VMASKMOVPS 96(SI), Y11, Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ DX, SI
	ADDQ $128, DI
	DECQ CX
	JNZ wide
	VZEROUPPER
	RET
