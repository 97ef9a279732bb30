#include "textflag.h"

// What stands before and after the integer product's tiles: packing into words,
// the sums of rows and columns, and the integer epilogue.

// QSUMARGS leaves ones as bytes in Y14 and as words in Y15.
#define QSUMARGS \
	MOVQ sums+0(FP), DI; \
	MOVQ words+8(FP), SI; \
	MOVQ stride+16(FP), DX; \
	MOVQ steps+24(FP), CX; \
	VPXOR Y0, Y0, Y0; \
	VPCMPEQB Y15, Y15, Y15; \
	VPABSB Y15, Y14; \
	VPABSW Y15, Y15

// func widenAVX2(dst *uint32, src *int8, blocks int, zero int16)
TEXT ·widenAVX2(SB), NOSPLIT, $0-26
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	VPBROADCASTW zero+24(FP), Y15

block:
	VPMOVSXBW (SI), Y0
	VPSUBW Y15, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func transposeWordsAVX2(dst *uint32, dstStride int, src unsafe.Pointer, srcStride, blocks int, flip uint32)
TEXT ·transposeWordsAVX2(SB), NOSPLIT, $0-44
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcStride+24(FP), R10
	MOVQ blocks+32(FP), CX
	LEAQ (R10)(R10*2), R11
	LEAQ (SI)(R10*4), DX
	LEAQ (R8)(R8*2), R9
	MOVL flip+40(FP), AX

block:
	VMOVDQU (SI), Y0
	VMOVDQU (SI)(R10*1), Y1
	VMOVDQU (SI)(R10*2), Y2
	VMOVDQU (SI)(R11*1), Y3
	VMOVDQU (DX), Y4
	VMOVDQU (DX)(R10*1), Y5
	VMOVDQU (DX)(R10*2), Y6
	VMOVDQU (DX)(R11*1), Y7

	// pairs of rows, word by word
	VPUNPCKLDQ Y1, Y0, Y8
	VPUNPCKHDQ Y1, Y0, Y9
	VPUNPCKLDQ Y3, Y2, Y10
	VPUNPCKHDQ Y3, Y2, Y11
	VPUNPCKLDQ Y5, Y4, Y12
	VPUNPCKHDQ Y5, Y4, Y13
	VPUNPCKLDQ Y7, Y6, Y14
	VPUNPCKHDQ Y7, Y6, Y15

	// fours of rows
	VPUNPCKLQDQ Y10, Y8, Y0
	VPUNPCKHQDQ Y10, Y8, Y1
	VPUNPCKLQDQ Y11, Y9, Y2
	VPUNPCKHQDQ Y11, Y9, Y3
	VPUNPCKLQDQ Y14, Y12, Y4
	VPUNPCKHQDQ Y14, Y12, Y5
	VPUNPCKLQDQ Y15, Y13, Y6
	VPUNPCKHQDQ Y15, Y13, Y7
	VMOVD AX, X15
	VPBROADCASTD X15, Y15

	VPXOR Y15, Y0, Y0
	VPXOR Y15, Y1, Y1
	VPXOR Y15, Y2, Y2
	VPXOR Y15, Y3, Y3
	VPXOR Y15, Y4, Y4
	VPXOR Y15, Y5, Y5
	VPXOR Y15, Y6, Y6
	VPXOR Y15, Y7, Y7

	// halves of words 0..3, then 4..7
	VPERM2I128 $0x20, Y4, Y0, Y8
	VPERM2I128 $0x20, Y5, Y1, Y9
	VPERM2I128 $0x20, Y6, Y2, Y10
	VPERM2I128 $0x20, Y7, Y3, Y11
	VPERM2I128 $0x31, Y4, Y0, Y12
	VPERM2I128 $0x31, Y5, Y1, Y13
	VPERM2I128 $0x31, Y6, Y2, Y14
	VPERM2I128 $0x31, Y7, Y3, Y15
	VMOVDQU Y8, (DI)
	VMOVDQU Y9, (DI)(R8*1)
	VMOVDQU Y10, (DI)(R8*2)
	VMOVDQU Y11, (DI)(R9*1)
	LEAQ (DI)(R8*4), DI
	VMOVDQU Y12, (DI)
	VMOVDQU Y13, (DI)(R8*1)
	VMOVDQU Y14, (DI)(R8*2)
	VMOVDQU Y15, (DI)(R9*1)
	LEAQ (DI)(R8*4), DI
	ADDQ $32, SI
	ADDQ $32, DX
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func interleave4AVX2(dst *uint32, dstStride int, src *int8, srcStride, steps, groups int, flip uint32)
//
// All groups of a step come before the next step, so that a cache line of src
// is read once.
TEXT ·interleave4AVX2(SB), NOSPLIT, $0-52
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcStride+24(FP), R10
	MOVQ steps+32(FP), CX
	VBROADCASTSS flip+48(FP), X15
	LEAQ (R10)(R10*2), R11

step:
	MOVQ groups+40(FP), BX
	MOVQ SI, DX
	MOVQ DI, R9

group:
	VMOVDQU (DX), X0
	VMOVDQU (DX)(R10*1), X1
	VMOVDQU (DX)(R10*2), X2
	VMOVDQU (DX)(R11*1), X3
	VPUNPCKLBW X1, X0, X4
	VPUNPCKHBW X1, X0, X5
	VPUNPCKLBW X3, X2, X6
	VPUNPCKHBW X3, X2, X7
	VPUNPCKLWD X6, X4, X0
	VPUNPCKHWD X6, X4, X1
	VPUNPCKLWD X7, X5, X2
	VPUNPCKHWD X7, X5, X3
	VPXOR X15, X0, X0
	VPXOR X15, X1, X1
	VPXOR X15, X2, X2
	VPXOR X15, X3, X3
	VMOVDQU X0, (R9)
	VMOVDQU X1, 16(R9)
	VMOVDQU X2, 32(R9)
	VMOVDQU X3, 48(R9)
	ADDQ $16, DX
	ADDQ $64, R9
	DECQ BX
	JNZ group
	LEAQ (SI)(R10*4), SI
	ADDQ R8, DI
	DECQ CX
	JNZ step
	RET

// func interleave2AVX2(dst *uint32, dstStride int, src *int8, srcStride, steps int, zero int16)
TEXT ·interleave2AVX2(SB), NOSPLIT, $0-42
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcStride+24(FP), R10
	MOVQ steps+32(FP), CX
	VPBROADCASTW zero+40(FP), Y15

step:
	VPMOVSXBW (SI), Y0
	VPMOVSXBW (SI)(R10*1), Y1
	VPSUBW Y15, Y0, Y0
	VPSUBW Y15, Y1, Y1
	VPUNPCKLWD Y1, Y0, Y2
	VPUNPCKHWD Y1, Y0, Y3
	VPERM2I128 $0x20, Y3, Y2, Y0
	VPERM2I128 $0x31, Y3, Y2, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	LEAQ (SI)(R10*2), SI
	ADDQ R8, DI
	DECQ CX
	JNZ step
	VZEROUPPER
	RET

// func sumBytesAVX2(words *uint32, blocks int) int32
TEXT ·sumBytesAVX2(SB), NOSPLIT, $0-20
	MOVQ words+0(FP), SI
	MOVQ blocks+8(FP), CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPCMPEQB Y15, Y15, Y15
	VPSLLW $15, Y15, Y14 // 0x8000 in each word
	VPSRLW $8, Y14, Y15  // 0x0080
	VPOR Y14, Y15, Y15   // 0x80 in each byte

block:
	VPXOR (SI), Y15, Y2
	VPSADBW Y1, Y2, Y2
	VPADDQ Y2, Y0, Y0
	ADDQ $32, SI
	DECQ CX
	JNZ block
	VEXTRACTI128 $1, Y0, X1
	VPADDQ X1, X0, X0
	VPSHUFD $0x4E, X0, X1
	VPADDQ X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+16(FP)
	VZEROUPPER
	RET


// func sumLanesSignedAVX2(sums *int32, words *uint32, stride, steps int)
TEXT ·sumLanesSignedAVX2(SB), NOSPLIT, $0-32
	QSUMARGS

step:
	VMOVDQU (SI), Y1
	VPMADDUBSW Y1, Y14, Y1
	VPMADDWD Y15, Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ DX, SI
	DECQ CX
	JNZ step
	VMOVDQU Y0, (DI)
	VZEROUPPER
	RET

// func sumLanesUnsignedAVX2(sums *int32, words *uint32, stride, steps int)
TEXT ·sumLanesUnsignedAVX2(SB), NOSPLIT, $0-32
	QSUMARGS

step:
	VMOVDQU (SI), Y1
	VPMADDUBSW Y14, Y1, Y1
	VPMADDWD Y15, Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ DX, SI
	DECQ CX
	JNZ step
	VMOVDQU Y0, (DI)
	VZEROUPPER
	RET

// func addInt32AVX2(dst, t, add *int32, row int32, blocks int)
TEXT ·addInt32AVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ add+16(FP), DX
	VBROADCASTSS row+24(FP), Y15
	MOVQ blocks+32(FP), CX

block:
	VPADDD (SI), Y15, Y0
	VPADDD (DX), Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func requantizeAVX2(dst *int8, t, add, mult, shift *int32, blocks int, p *[4]int32)
//
// Eight columns at a time, in the steps of exact.MultiplyByQuantizedMultiplier.
// The doubling high product, rounded, is bits 31..62 of a·b + 2³⁰, except that
// −2³¹·−2³¹ saturates; no other product gives the bits of −2³¹.
TEXT ·requantizeAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ add+16(FP), DX
	MOVQ mult+24(FP), R8
	MOVQ shift+32(FP), R9
	MOVQ blocks+40(FP), CX
	MOVQ p+48(FP), BX
	VPCMPEQD Y10, Y10, Y10
	VPSLLD $31, Y10, Y9   // −2³¹ in each word
	VPSRLQ $63, Y10, Y11
	VPSLLQ $30, Y11, Y11  // 2³⁰ in each pair of words
	VPSRLD $31, Y10, Y10  // 1 in each word
	VPXOR Y12, Y12, Y12
	XORQ AX, AX

block:
	VMOVDQU (SI)(AX*4), Y0
	VPADDD (DX)(AX*4), Y0, Y0
	VPBROADCASTD (BX), Y1
	VPADDD Y1, Y0, Y0

	// x << left
	VMOVDQU (R9)(AX*4), Y1
	VPMAXSD Y12, Y1, Y2
	VPSUBD Y1, Y12, Y3
	VPMAXSD Y12, Y3, Y3
	VPSLLVD Y2, Y0, Y0

	// the doubling high product, words 0, 2, 4, 6 and then 1, 3, 5, 7
	VMOVDQU (R8)(AX*4), Y4
	VPMULDQ Y4, Y0, Y5
	VPADDQ Y11, Y5, Y5
	VPSRLQ $31, Y5, Y5
	VPSRLQ $32, Y0, Y6
	VPSRLQ $32, Y4, Y7
	VPMULDQ Y7, Y6, Y6
	VPADDQ Y11, Y6, Y6
	VPSLLQ $1, Y6, Y6
	VPBLENDD $0xAA, Y6, Y5, Y5
	VPCMPEQD Y9, Y5, Y6
	VPADDD Y6, Y5, Y5

	// the rounding shift to the right
	VPSLLVD Y3, Y10, Y6
	VPSUBD Y10, Y6, Y6
	VPAND Y6, Y5, Y7
	VPSRAD $1, Y6, Y6
	VPSRAD $31, Y5, Y8
	VPSUBD Y8, Y6, Y6
	VPSRAVD Y3, Y5, Y5
	VPCMPGTD Y6, Y7, Y7
	VPSUBD Y7, Y5, Y5

	// clamp, zero point
	VPBROADCASTD 8(BX), Y1
	VPMAXSD Y1, Y5, Y5
	VPBROADCASTD 12(BX), Y1
	VPMINSD Y1, Y5, Y5
	VPBROADCASTD 4(BX), Y1
	VPADDD Y1, Y5, Y5
	VEXTRACTI128 $1, Y5, X6
	VPACKSSDW X6, X5, X5
	VPACKSSWB X5, X5, X5
	VMOVQ X5, (DI)(AX*1)
	ADDQ $8, AX
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func requantizeAVX512(dst *int8, stride int, t, add, mult, shift *int32, blocks, rows int, row *int32, p *[4]int32)
//
// As requantizeAVX2, sixteen columns at a time, row by row.
TEXT ·requantizeAVX512(SB), NOSPLIT, $0-80
	MOVQ dst+0(FP), DI
	MOVQ stride+8(FP), R10
	MOVQ t+16(FP), SI
	MOVQ add+24(FP), DX
	MOVQ mult+32(FP), R8
	MOVQ shift+40(FP), R9
	MOVQ rows+56(FP), R11
	MOVQ row+64(FP), R12
	MOVQ p+72(FP), BX
	VPTERNLOGD $0xFF, Z10, Z10, Z10
	VPSLLD $31, Z10, Z9   // −2³¹ in each word
	VPSRLQ $63, Z10, Z11
	VPSLLQ $30, Z11, Z11  // 2³⁰ in each pair of words
	VPSRLD $31, Z10, Z10  // 1 in each word
	VPXORD Z12, Z12, Z12
	VPBROADCASTD 4(BX), Z17
	VPBROADCASTD 8(BX), Z18
	VPBROADCASTD 12(BX), Z19
	MOVL $0xAAAA, AX
	KMOVW AX, K1 // odd words

row:
	VPBROADCASTD (R12), Z16
	MOVQ blocks+48(FP), CX
	XORQ AX, AX

block:
	VPADDD (SI)(AX*4), Z16, Z0
	VPADDD (DX)(AX*4), Z0, Z0

	// x << left
	VMOVDQU32 (R9)(AX*4), Z1
	VPMAXSD Z12, Z1, Z2
	VPSUBD Z1, Z12, Z3
	VPMAXSD Z12, Z3, Z3
	VPSLLVD Z2, Z0, Z0

	// the doubling high product
	VMOVDQU32 (R8)(AX*4), Z4
	VPMULDQ Z4, Z0, Z5
	VPADDQ Z11, Z5, Z5
	VPSRLQ $31, Z5, Z5
	VPSRLQ $32, Z0, Z6
	VPSRLQ $32, Z4, Z7
	VPMULDQ Z7, Z6, Z6
	VPADDQ Z11, Z6, Z6
	VPSLLQ $1, Z6, Z6
	VMOVDQA32 Z6, K1, Z5
	VPCMPEQD Z9, Z5, K2
	VPSUBD Z10, Z5, K2, Z5

	// the rounding shift to the right
	VPSLLVD Z3, Z10, Z6
	VPSUBD Z10, Z6, Z6
	VPANDD Z6, Z5, Z7
	VPSRAD $1, Z6, Z6
	VPSRLD $31, Z5, Z8
	VPADDD Z8, Z6, Z6
	VPSRAVD Z3, Z5, Z5
	VPCMPGTD Z6, Z7, K2
	VPADDD Z10, Z5, K2, Z5

	// clamp, zero point
	VPMAXSD Z18, Z5, Z5
	VPMINSD Z19, Z5, Z5
	VPADDD Z17, Z5, Z5
	VPMOVDB Z5, (DI)(AX*1)
	ADDQ $16, AX
	DECQ CX
	JNZ block
	LEAQ (SI)(AX*4), SI
	ADDQ R10, DI
	ADDQ $4, R12
	DECQ R11
	JNZ row
	VZEROUPPER
	RET
