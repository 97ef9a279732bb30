#include "textflag.h"

// The kernels of runs of rows, with AVX2; see scatterRuns and, for the
// arithmetic, scattersum_avx2_amd64.s. A chunk's sums of hi and lo are four
// registers; Y8 gathers the places of elements past the scale.

DATA runMXCSR<>+0(SB)/4, $0x1f80
GLOBL runMXCSR<>(SB), RODATA|NOPTR, $4

DATA runWhole<>+0(SB)/8, $0x4338000000000000
GLOBL runWhole<>(SB), RODATA|NOPTR, $8

DATA runUnit<>+0(SB)/8, $0x41d0000000000000
GLOBL runUnit<>(SB), RODATA|NOPTR, $8

DATA runAbs<>+0(SB)/8, $0x7fffffffffffffff
GLOBL runAbs<>(SB), RODATA|NOPTR, $8

DATA runColumns<>+0(SB)/8, $0xffffffffffffffff
DATA runColumns<>+8(SB)/8, $0xffffffffffffffff
DATA runColumns<>+16(SB)/8, $0xffffffffffffffff
DATA runColumns<>+24(SB)/8, $0xffffffffffffffff
DATA runColumns<>+32(SB)/8, $0
DATA runColumns<>+40(SB)/8, $0
DATA runColumns<>+48(SB)/8, $0
DATA runColumns<>+56(SB)/8, $0
GLOBL runColumns<>(SB), RODATA|NOPTR, $64

#define BEGIN256 \
	STMXCSR saved-8(SP); \
	LDMXCSR runMXCSR<>(SB); \
	MOVQ args+0(FP), R14; \
	VBROADCASTSD runWhole<>(SB), Y15; \
	VBROADCASTSD runUnit<>(SB), Y14; \
	VBROADCASTSD runAbs<>(SB), Y13

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

// SPLIT256 adds half a chunk of x in Y9. Predicate 22 is "not ≤, or unordered".
#define SPLIT256(h, hi, lo) \
	VMULPD (h*32)(R8), Y9, Y9; \
	VANDPD Y13, Y9, Y10; \
	VCMPPD $22, Y14, Y10, Y10; \
	VORPD Y10, Y8, Y8; \
	VADDPD Y15, Y9, Y10; \
	VSUBPD Y15, Y10, Y11; \
	VSUBPD Y11, Y9, Y9; \
	VFMADD213PD Y15, Y14, Y9; \
	VPADDQ Y10, hi, hi; \
	VPADDQ Y9, lo, lo

#define ADD256(h, hi, lo) \
	VCVTPS2PD (h*16)(SI), Y9; \
	SPLIT256(h, hi, lo)

#define BAD256(done) \
	VPTEST Y8, Y8; \
	JNZ done

#define LOAD2 \
	VPXOR Y8, Y8, Y8; \
	VMOVDQU 0(DX), Y0; \
	VMOVDQU 32(DX), Y1; \
	VMOVDQU 64(DX), Y2; \
	VMOVDQU 96(DX), Y3; \
	VMOVDQU 128(DX), Y4; \
	VMOVDQU 160(DX), Y5; \
	VMOVDQU 192(DX), Y6; \
	VMOVDQU 224(DX), Y7

#define STORE2 \
	VMOVDQU Y0, 0(DX); \
	VMOVDQU Y1, 32(DX); \
	VMOVDQU Y2, 64(DX); \
	VMOVDQU Y3, 96(DX); \
	VMOVDQU Y4, 128(DX); \
	VMOVDQU Y5, 160(DX); \
	VMOVDQU Y6, 192(DX); \
	VMOVDQU Y7, 224(DX)

#define ADD2 \
	ADD256(0, Y0, Y2); \
	ADD256(1, Y1, Y3); \
	ADD256(2, Y4, Y6); \
	ADD256(3, Y5, Y7)

#define LOAD1 \
	VPXOR Y8, Y8, Y8; \
	VMOVDQU 0(DX), Y0; \
	VMOVDQU 32(DX), Y1; \
	VMOVDQU 64(DX), Y2; \
	VMOVDQU 96(DX), Y3

#define STORE1 \
	VMOVDQU Y0, 0(DX); \
	VMOVDQU Y1, 32(DX); \
	VMOVDQU Y2, 64(DX); \
	VMOVDQU Y3, 96(DX)

#define ADD1 \
	VMASKMOVPS (SI), Y7, Y12; \
	VCVTPS2PD X12, Y9; \
	SPLIT256(0, Y0, Y2); \
	VEXTRACTF128 $1, Y12, X12; \
	VCVTPS2PD X12, Y9; \
	SPLIT256(1, Y1, Y3)

// func runs2x256(args *scatterRuns) (label int)
TEXT ·runs2x256(SB), NOSPLIT, $8-16
	BEGIN256
	RUNS(LOAD2, ADD2, BAD256, STORE2)

// func runs1x256(args *scatterRuns) (label int)
TEXT ·runs1x256(SB), NOSPLIT, $8-16
	BEGIN256
	MOVQ $8, CX
	SUBQ 72(R14), CX
	LEAQ runColumns<>(SB), AX
	VMOVDQU (AX)(CX*4), Y7
	RUNS(LOAD1, ADD1, BAD256, STORE1)
