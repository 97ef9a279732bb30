#include "textflag.h"

// The kernels of runs of rows, with AVX-512; see scatterRuns and, for the
// arithmetic, scattersum_avx512_amd64.s. A chunk's sums of hi and lo are two
// registers; Z27 gathers the largest |t|, compared as integers, so that a NaN
// is large.

DATA runMXCSR<>+0(SB)/4, $0x1f80
GLOBL runMXCSR<>(SB), RODATA|NOPTR, $4

DATA runWhole<>+0(SB)/8, $0x4338000000000000
GLOBL runWhole<>(SB), RODATA|NOPTR, $8

DATA runUnit<>+0(SB)/8, $0x41d0000000000000
GLOBL runUnit<>(SB), RODATA|NOPTR, $8

DATA runAbs<>+0(SB)/8, $0x7fffffffffffffff
GLOBL runAbs<>(SB), RODATA|NOPTR, $8

#define BEGIN512 \
	STMXCSR saved-8(SP); \
	LDMXCSR runMXCSR<>(SB); \
	MOVQ args+0(FP), R14; \
	VBROADCASTSD runWhole<>(SB), Z28; \
	VBROADCASTSD runUnit<>(SB), Z29; \
	VBROADCASTSD runAbs<>(SB), Z30

// RUNS takes each label that has a run: LOAD its sums, ADD row by row, STORE
// them unless BAD finds an element past the scale. SI is the row, AX the next
// row, BX the label, DX its sums, DI what to bring near.
#define RUNS(LOAD, ADD, BAD, STORE) \
	MOVQ 0(R14), R15; \
	MOVQ 8(R14), R13; \
	MOVQ 16(R14), R9; \
	MOVQ 24(R14), R10; \
	MOVQ 32(R14), BX; \
	MOVQ 40(R14), R11; \
	MOVQ 48(R14), R8; \
	MOVQ 64(R14), R12; \
	MOVQ R12, DX; \
	IMULQ BX, DX; \
	ADDQ 56(R14), DX; \
	MOVQ 80(R14), DI; \
label: \
	CMPQ BX, R11; \
	JGE done; \
	MOVLQSX (R10)(BX*4), AX; \
	TESTQ AX, AX; \
	JLT next; \
	LOAD; \
row: \
	MOVQ AX, SI; \
	IMULQ R13, SI; \
	ADDQ R15, SI; \
	MOVLQSX (R9)(AX*4), AX; \
	MOVQ AX, CX; \
	IMULQ R13, CX; \
	PREFETCHT0 (R15)(CX*1); \
	PREFETCHT0 64(R15)(CX*1); \
	PREFETCHT0 128(R15)(CX*1); \
	PREFETCHT0 192(R15)(CX*1); \
	MOVQ 88(R14), CX; \
	TESTQ CX, CX; \
	JZ add; \
near: \
	PREFETCHT1 (DI); \
	ADDQ $64, DI; \
	DECQ CX; \
	JNZ near; \
add: \
	ADD; \
	TESTQ AX, AX; \
	JGE row; \
	BAD(done); \
	STORE; \
next: \
	INCQ BX; \
	ADDQ R12, DX; \
	JMP label; \
done: \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	MOVQ BX, label+8(FP); \
	RET

#define SPLIT512(c, hi, lo) \
	VMULPD (c*64)(R8), Z16, Z16; \
	VPANDQ Z30, Z16, Z17; \
	VPMAXUQ Z17, Z27, Z27; \
	VADDPD Z28, Z16, Z17; \
	VSUBPD Z28, Z17, Z18; \
	VSUBPD Z18, Z16, Z16; \
	VFMADD213PD Z28, Z29, Z16; \
	VPADDQ Z17, hi, hi; \
	VPADDQ Z16, lo, lo

#define ADD512(c, hi, lo) \
	VCVTPS2PD (c*32)(SI), Z16; \
	SPLIT512(c, hi, lo)

#define BAD512(done) \
	VPCMPUQ $6, Z29, Z27, K2; \
	KORTESTB K2, K2; \
	JNZ done

#define LOAD8 \
	VPXORQ Z27, Z27, Z27; \
	VMOVDQU64 0(DX), Z0; \
	VMOVDQU64 64(DX), Z1; \
	VMOVDQU64 128(DX), Z2; \
	VMOVDQU64 192(DX), Z3; \
	VMOVDQU64 256(DX), Z4; \
	VMOVDQU64 320(DX), Z5; \
	VMOVDQU64 384(DX), Z6; \
	VMOVDQU64 448(DX), Z7; \
	VMOVDQU64 512(DX), Z8; \
	VMOVDQU64 576(DX), Z9; \
	VMOVDQU64 640(DX), Z10; \
	VMOVDQU64 704(DX), Z11; \
	VMOVDQU64 768(DX), Z12; \
	VMOVDQU64 832(DX), Z13; \
	VMOVDQU64 896(DX), Z14; \
	VMOVDQU64 960(DX), Z15

#define STORE8 \
	VMOVDQU64 Z0, 0(DX); \
	VMOVDQU64 Z1, 64(DX); \
	VMOVDQU64 Z2, 128(DX); \
	VMOVDQU64 Z3, 192(DX); \
	VMOVDQU64 Z4, 256(DX); \
	VMOVDQU64 Z5, 320(DX); \
	VMOVDQU64 Z6, 384(DX); \
	VMOVDQU64 Z7, 448(DX); \
	VMOVDQU64 Z8, 512(DX); \
	VMOVDQU64 Z9, 576(DX); \
	VMOVDQU64 Z10, 640(DX); \
	VMOVDQU64 Z11, 704(DX); \
	VMOVDQU64 Z12, 768(DX); \
	VMOVDQU64 Z13, 832(DX); \
	VMOVDQU64 Z14, 896(DX); \
	VMOVDQU64 Z15, 960(DX)

#define ADD8 \
	ADD512(0, Z0, Z1); \
	ADD512(1, Z2, Z3); \
	ADD512(2, Z4, Z5); \
	ADD512(3, Z6, Z7); \
	ADD512(4, Z8, Z9); \
	ADD512(5, Z10, Z11); \
	ADD512(6, Z12, Z13); \
	ADD512(7, Z14, Z15)

#define LOAD4 \
	VPXORQ Z27, Z27, Z27; \
	VMOVDQU64 0(DX), Z0; \
	VMOVDQU64 64(DX), Z1; \
	VMOVDQU64 128(DX), Z2; \
	VMOVDQU64 192(DX), Z3; \
	VMOVDQU64 256(DX), Z4; \
	VMOVDQU64 320(DX), Z5; \
	VMOVDQU64 384(DX), Z6; \
	VMOVDQU64 448(DX), Z7

#define STORE4 \
	VMOVDQU64 Z0, 0(DX); \
	VMOVDQU64 Z1, 64(DX); \
	VMOVDQU64 Z2, 128(DX); \
	VMOVDQU64 Z3, 192(DX); \
	VMOVDQU64 Z4, 256(DX); \
	VMOVDQU64 Z5, 320(DX); \
	VMOVDQU64 Z6, 384(DX); \
	VMOVDQU64 Z7, 448(DX)

#define ADD4 \
	ADD512(0, Z0, Z1); \
	ADD512(1, Z2, Z3); \
	ADD512(2, Z4, Z5); \
	ADD512(3, Z6, Z7)

#define LOAD1 \
	VPXORQ Z27, Z27, Z27; \
	VMOVDQU64 0(DX), Z0; \
	VMOVDQU64 64(DX), Z1

#define STORE1 \
	VMOVDQU64 Z0, 0(DX); \
	VMOVDQU64 Z1, 64(DX)

#define ADD1 \
	VMOVUPS.Z (SI), K1, Y16; \
	VCVTPS2PD Y16, Z16; \
	SPLIT512(0, Z0, Z1)

// func runs8x512(args *scatterRuns) (label int)
TEXT ·runs8x512(SB), NOSPLIT, $8-16
	BEGIN512
	RUNS(LOAD8, ADD8, BAD512, STORE8)

// func runs4x512(args *scatterRuns) (label int)
TEXT ·runs4x512(SB), NOSPLIT, $8-16
	BEGIN512
	RUNS(LOAD4, ADD4, BAD512, STORE4)

// func runs1x512(args *scatterRuns) (label int)
TEXT ·runs1x512(SB), NOSPLIT, $8-16
	BEGIN512
	MOVQ 72(R14), CX
	MOVL $1, AX
	SHLXL CX, AX, AX
	DECL AX
	KMOVB AX, K1
	RUNS(LOAD1, ADD1, BAD512, STORE1)
