#include "textflag.h"

// The kernels of the distance family, with AVX2 and FMA.
//
// Tiles: Y0..Y11 hold the 6×16 sums, two registers a row; Y12 and Y13 one step
// of C's panel; Y14 and Y15 t = x − c. SI walks X's panel (6 elements a step),
// DI C's (16 elements a step), DX is the tile, CX counts steps.
//
// Pairs: X0..X3 hold four sums; R8..R11 walk the rows of X and R12, R13, SI, DI
// those of C; AX counts elements.
//
// MXCSR is saved, set to its default and restored, because a library in the
// same thread may have switched flushing of subnormals on.

DATA distanceMXCSR<>+0(SB)/4, $0x1f80
GLOBL distanceMXCSR<>(SB), RODATA|NOPTR, $4

DATA magnitudeMask<>+0(SB)/8, $0x7fffffff7fffffff
DATA magnitudeMask<>+8(SB)/8, $0x7fffffff7fffffff
DATA magnitudeMask<>+16(SB)/8, $0x7fffffff7fffffff
DATA magnitudeMask<>+24(SB)/8, $0x7fffffff7fffffff
GLOBL magnitudeMask<>(SB), RODATA|NOPTR, $32

// DIFF leaves t of a row in Y14 (columns 0 to 7) and Y15 (8 to 15).
#define DIFF(x) \
	VBROADCASTSS x, Y15; \
	VSUBPS Y12, Y15, Y14; \
	VSUBPS Y13, Y15, Y15

#define FUSEDROW(x, lo, hi) \
	DIFF(x); \
	VFMADD231PS Y14, Y14, lo; \
	VFMADD231PS Y15, Y15, hi

#define SPLITROW(x, lo, hi) \
	DIFF(x); \
	VMULPS Y14, Y14, Y14; \
	VMULPS Y15, Y15, Y15; \
	VADDPS Y14, lo, lo; \
	VADDPS Y15, hi, hi

#define ABSROW(x, lo, hi) \
	DIFF(x); \
	VANDPS magnitudeMask<>(SB), Y14, Y14; \
	VANDPS magnitudeMask<>(SB), Y15, Y15; \
	VADDPS Y14, lo, lo; \
	VADDPS Y15, hi, hi

#define STEP(ROW) \
	VMOVUPS 0(DI), Y12; \
	VMOVUPS 32(DI), Y13; \
	ROW(0(SI), Y0, Y1); \
	ROW(4(SI), Y2, Y3); \
	ROW(8(SI), Y4, Y5); \
	ROW(12(SI), Y6, Y7); \
	ROW(16(SI), Y8, Y9); \
	ROW(20(SI), Y10, Y11); \
	ADDQ $24, SI; \
	ADDQ $64, DI

#define BEGINTILE \
	STMXCSR saved-8(SP); \
	LDMXCSR distanceMXCSR<>(SB); \
	MOVQ kc+0(FP), CX; \
	MOVQ a+8(FP), SI; \
	MOVQ b+16(FP), DI; \
	MOVQ t+24(FP), DX; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7; \
	VXORPS Y8, Y8, Y8; \
	VXORPS Y9, Y9, Y9; \
	VXORPS Y10, Y10, Y10; \
	VXORPS Y11, Y11, Y11

#define ENDTILE \
	VMOVUPS Y0, 0(DX); \
	VMOVUPS Y1, 32(DX); \
	VMOVUPS Y2, 64(DX); \
	VMOVUPS Y3, 96(DX); \
	VMOVUPS Y4, 128(DX); \
	VMOVUPS Y5, 160(DX); \
	VMOVUPS Y6, 192(DX); \
	VMOVUPS Y7, 224(DX); \
	VMOVUPS Y8, 256(DX); \
	VMOVUPS Y9, 288(DX); \
	VMOVUPS Y10, 320(DX); \
	VMOVUPS Y11, 352(DX); \
	VZEROUPPER; \
	LDMXCSR saved-8(SP)

// PAIRDIFF leaves t of element AX of four pairs in X4..X7.
#define PAIRDIFF \
	VMOVSS (R8)(AX*4), X4; \
	VMOVSS (R9)(AX*4), X5; \
	VMOVSS (R10)(AX*4), X6; \
	VMOVSS (R11)(AX*4), X7; \
	VSUBSS (R12)(AX*4), X4, X4; \
	VSUBSS (R13)(AX*4), X5, X5; \
	VSUBSS (SI)(AX*4), X6, X6; \
	VSUBSS (DI)(AX*4), X7, X7

// A quad holds four slice headers of 24 bytes.
#define BEGINPAIR \
	STMXCSR saved-8(SP); \
	LDMXCSR distanceMXCSR<>(SB); \
	MOVQ kc+0(FP), CX; \
	MOVQ x+8(FP), BX; \
	MOVQ c+16(FP), DX; \
	MOVQ 0(BX), R8; \
	MOVQ 24(BX), R9; \
	MOVQ 48(BX), R10; \
	MOVQ 72(BX), R11; \
	MOVQ 0(DX), R12; \
	MOVQ 24(DX), R13; \
	MOVQ 48(DX), SI; \
	MOVQ 72(DX), DI; \
	XORQ AX, AX; \
	VXORPS X0, X0, X0; \
	VXORPS X1, X1, X1; \
	VXORPS X2, X2, X2; \
	VXORPS X3, X3, X3

#define ENDPAIR \
	MOVQ sums+24(FP), DX; \
	VMOVSS X0, 0(DX); \
	VMOVSS X1, 4(DX); \
	VMOVSS X2, 8(DX); \
	VMOVSS X3, 12(DX); \
	VZEROUPPER; \
	LDMXCSR saved-8(SP)

// FOLLOW compares eight scores of a row with its leaders: at DX + offset
// stand eight best scores, 64 bytes on their panels. Predicate 9 is "not ≥, or
// unordered", 7 "ordered": a NaN score comes first, a NaN leader stays.
#define FOLLOW(product, offset, half) \
	VSUBPS product, half, Y0; \
	VMOVUPS offset(DX), Y1; \
	VMOVUPS (offset+64)(DX), Y2; \
	VCMPPS $9, Y1, Y0, Y3; \
	VCMPPS $7, Y1, Y1, Y4; \
	VANDPS Y4, Y3, Y3; \
	VBLENDVPS Y3, Y0, Y1, Y1; \
	VBLENDVPS Y3, Y12, Y2, Y2; \
	VMOVUPS Y1, offset(DX); \
	VMOVUPS Y2, (offset+64)(DX)

// func distanceKernelFused(kc int, a, b *float32, t *tile)
TEXT ·distanceKernelFused(SB), NOSPLIT, $8-32
	BEGINTILE

step:
	STEP(FUSEDROW)
	DECQ CX
	JNZ step
	ENDTILE
	RET

// func distanceKernelSplit(kc int, a, b *float32, t *tile)
TEXT ·distanceKernelSplit(SB), NOSPLIT, $8-32
	BEGINTILE

step:
	STEP(SPLITROW)
	DECQ CX
	JNZ step
	ENDTILE
	RET

// func distanceKernelAbs(kc int, a, b *float32, t *tile)
TEXT ·distanceKernelAbs(SB), NOSPLIT, $8-32
	BEGINTILE

step:
	STEP(ABSROW)
	DECQ CX
	JNZ step
	ENDTILE
	RET

// func pairKernelFused(kc int, x, c *quad, sums *[4]float32)
TEXT ·pairKernelFused(SB), NOSPLIT, $8-32
	BEGINPAIR

step:
	PAIRDIFF
	VFMADD231SS X4, X4, X0
	VFMADD231SS X5, X5, X1
	VFMADD231SS X6, X6, X2
	VFMADD231SS X7, X7, X3
	INCQ AX
	CMPQ AX, CX
	JLT step
	ENDPAIR
	RET

// func pairKernelSplit(kc int, x, c *quad, sums *[4]float32)
TEXT ·pairKernelSplit(SB), NOSPLIT, $8-32
	BEGINPAIR

step:
	PAIRDIFF
	VMULSS X4, X4, X4
	VMULSS X5, X5, X5
	VMULSS X6, X6, X6
	VMULSS X7, X7, X7
	VADDSS X4, X0, X0
	VADDSS X5, X1, X1
	VADDSS X6, X2, X2
	VADDSS X7, X3, X3
	INCQ AX
	CMPQ AX, CX
	JLT step
	ENDPAIR
	RET

// func pairKernelAbs(kc int, x, c *quad, sums *[4]float32)
TEXT ·pairKernelAbs(SB), NOSPLIT, $8-32
	BEGINPAIR

step:
	PAIRDIFF
	VMOVUPS magnitudeMask<>(SB), X8
	VANDPS X8, X4, X4
	VANDPS X8, X5, X5
	VANDPS X8, X6, X6
	VANDPS X8, X7, X7
	VADDSS X4, X0, X0
	VADDSS X5, X1, X1
	VADDSS X6, X2, X2
	VADDSS X7, X3, X3
	INCQ AX
	CMPQ AX, CX
	JLT step
	ENDPAIR
	RET

// func followKernel(t *tile, half *[nr]float32, lead *[mr]leader, panel int32)
TEXT ·followKernel(SB), NOSPLIT, $8-28
	STMXCSR saved-8(SP)
	LDMXCSR distanceMXCSR<>(SB)
	MOVQ t+0(FP), SI
	MOVQ half+8(FP), DI
	MOVQ lead+16(FP), DX
	MOVL panel+24(FP), AX
	VMOVD AX, X12
	VPBROADCASTD X12, Y12
	VMOVUPS 0(DI), Y13
	VMOVUPS 32(DI), Y14
	MOVQ $6, CX

row:
	FOLLOW(0(SI), 0, Y13)
	FOLLOW(32(SI), 32, Y14)
	ADDQ $64, SI
	ADDQ $128, DX
	DECQ CX
	JNZ row
	VZEROUPPER
	LDMXCSR saved-8(SP)
	RET
