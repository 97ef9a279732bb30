#include "textflag.h"

// The kernels of the exact scatter sums; see scatterRows.plain. A row's label
// finds its chunks of eight hi and eight lo. scatterUnit is 2³⁰, the largest
// |t| and the factor of lo, scatterWhole is whole.
//
// SI is the row, DX its chunk's sums, BX its flags, R8 the scales, CX columns
// left; R9 labels, R10 weights, R11 rows left, R12 and R13 the widths of a
// label's sums and flags.

DATA scatterMXCSR<>+0(SB)/4, $0x1f80
GLOBL scatterMXCSR<>(SB), RODATA|NOPTR, $4

DATA scatterWhole<>+0(SB)/8, $0x4338000000000000
DATA scatterWhole<>+8(SB)/8, $0x4338000000000000
DATA scatterWhole<>+16(SB)/8, $0x4338000000000000
DATA scatterWhole<>+24(SB)/8, $0x4338000000000000
GLOBL scatterWhole<>(SB), RODATA|NOPTR, $32

DATA scatterUnit<>+0(SB)/8, $0x41d0000000000000
DATA scatterUnit<>+8(SB)/8, $0x41d0000000000000
DATA scatterUnit<>+16(SB)/8, $0x41d0000000000000
DATA scatterUnit<>+24(SB)/8, $0x41d0000000000000
GLOBL scatterUnit<>(SB), RODATA|NOPTR, $32

DATA scatterAbs<>+0(SB)/8, $0x7fffffffffffffff
DATA scatterAbs<>+8(SB)/8, $0x7fffffffffffffff
DATA scatterAbs<>+16(SB)/8, $0x7fffffffffffffff
DATA scatterAbs<>+24(SB)/8, $0x7fffffffffffffff
GLOBL scatterAbs<>(SB), RODATA|NOPTR, $32

DATA scatterColumns<>+0(SB)/8, $0xffffffffffffffff
DATA scatterColumns<>+8(SB)/8, $0xffffffffffffffff
DATA scatterColumns<>+16(SB)/8, $0xffffffffffffffff
DATA scatterColumns<>+24(SB)/8, $0xffffffffffffffff
DATA scatterColumns<>+32(SB)/8, $0
DATA scatterColumns<>+40(SB)/8, $0
DATA scatterColumns<>+48(SB)/8, $0
DATA scatterColumns<>+56(SB)/8, $0
GLOBL scatterColumns<>(SB), RODATA|NOPTR, $64

#define ROWS \
	STMXCSR saved-8(SP); \
	LDMXCSR scatterMXCSR<>(SB); \
	MOVQ args+0(FP), AX; \
	MOVQ 0(AX), R15; \
	MOVQ 16(AX), R11; \
	MOVQ 24(AX), R13; \
	ADDQ $7, R13; \
	SHRQ $3, R13; \
	MOVQ R13, R12; \
	SHLQ $7, R12; \
	MOVQ 32(AX), R9; \
	MOVQ 48(AX), R10; \
	MOVQ AX, R14

// ROW goes on to the chunks of a row, or to the next.
#define ROW(next) \
	MOVL (R9), BX; \
	SUBL 72(R14), BX; \
	CMPL BX, 80(R14); \
	JAE next; \
	MOVQ 96(R14), AX; \
	INCQ (AX)(BX*8); \
	MOVQ R12, DX; \
	IMULQ BX, DX; \
	ADDQ 88(R14), DX; \
	IMULQ R13, BX; \
	ADDQ 104(R14), BX; \
	MOVQ R15, SI; \
	MOVQ 64(R14), R8; \
	MOVQ 24(R14), CX

#define NEXT(row) \
	ADDQ 8(R14), R15; \
	ADDQ 40(R14), R9; \
	ADDQ 56(R14), R10; \
	DECQ R11; \
	JNZ row; \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// HALF adds four columns of x in X0 to the sums, scaled from offset on; shift
// is their first column. Predicate 22 is "not ≤, or unordered": such t count as
// 0 and leave a flag.
#define HALF(offset, shift, good) \
	VMULPS X0, X15, X0; \
	VCVTPS2PD X0, Y1; \
	VMULPD offset(R8), Y1, Y1; \
	VANDPD Y14, Y1, Y2; \
	VCMPPD $22, Y13, Y2, Y2; \
	VMOVMSKPD Y2, AX; \
	TESTL AX, AX; \
	JZ good; \
	SHLL $shift, AX; \
	ORB AX, (BX); \
	VANDNPD Y1, Y2, Y1; \
good: \
	VADDPD Y12, Y1, Y3; \
	VSUBPD Y12, Y3, Y4; \
	VSUBPD Y4, Y1, Y1; \
	VFMADD213PD Y12, Y13, Y1; \
	VPADDQ offset(DX), Y3, Y3; \
	VPADDQ (64+offset)(DX), Y1, Y1; \
	VMOVDQU Y3, offset(DX); \
	VMOVDQU Y1, (64+offset)(DX)

// func scatter256(args *scatterRows)
TEXT ·scatter256(SB), NOSPLIT, $8-8
	ROWS
	VMOVUPD scatterWhole<>(SB), Y12
	VMOVUPD scatterUnit<>(SB), Y13
	VMOVUPD scatterAbs<>(SB), Y14
	MOVQ 24(R14), CX
	DECQ CX
	ANDL $7, CX
	INCQ CX
	NEGQ CX
	LEAQ scatterColumns<>+32(SB), AX
	VMOVUPS (AX)(CX*4), Y11
	VEXTRACTF128 $1, Y11, X10

row:
	ROW(next)
	VBROADCASTSS (R10), X15
	SUBQ $8, CX
	JLE last

chunk:
	VMOVUPS (SI), X0
	HALF(0, 0, low)
	VMOVUPS 16(SI), X0
	HALF(32, 4, high)
	ADDQ $32, SI
	ADDQ $64, R8
	ADDQ $128, DX
	INCQ BX
	SUBQ $8, CX
	JG chunk

last:
	VMASKMOVPS (SI), X11, X0
	HALF(0, 0, lastLow)
	VMASKMOVPS 16(SI), X10, X0
	HALF(32, 4, lastHigh)

next:
	NEXT(row)
