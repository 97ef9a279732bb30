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

// SPLIT adds the chunk of x in Y0 to the sums. Predicate 22 is "not ≤, or
// unordered": such t count as 0 and leave a flag.
#define SPLIT(good) \
	VMULPS Y0, Y31, Y0; \
	VCVTPS2PD Y0, Z1; \
	VMULPD (R8), Z1, Z1; \
	VPANDQ Z30, Z1, Z2; \
	VCMPPD $22, Z29, Z2, K2; \
	KTESTB K2, K2; \
	JZ good; \
	KMOVB K2, AX; \
	ORB AX, (BX); \
	VPXORQ Z1, Z1, K2, Z1; \
good: \
	VADDPD Z28, Z1, Z3; \
	VSUBPD Z28, Z3, Z4; \
	VSUBPD Z4, Z1, Z1; \
	VFMADD213PD Z28, Z29, Z1; \
	VPADDQ (DX), Z3, Z3; \
	VPADDQ 64(DX), Z1, Z1; \
	VMOVDQU64 Z3, (DX); \
	VMOVDQU64 Z1, 64(DX)

// func scatter512(args *scatterRows)
TEXT ·scatter512(SB), NOSPLIT, $8-8
	ROWS
	VBROADCASTSD scatterWhole<>(SB), Z28
	VBROADCASTSD scatterUnit<>(SB), Z29
	VBROADCASTSD scatterAbs<>(SB), Z30
	MOVQ 24(R14), CX
	DECQ CX
	ANDL $7, CX
	MOVL $2, AX
	SHLXL CX, AX, AX
	DECL AX
	KMOVB AX, K1

row:
	ROW(next)
	VBROADCASTSS (R10), Y31
	SUBQ $8, CX
	JLE last

chunk:
	VMOVUPS (SI), Y0
	SPLIT(good)
	ADDQ $32, SI
	ADDQ $64, R8
	ADDQ $128, DX
	INCQ BX
	SUBQ $8, CX
	JG chunk

last:
	VMOVUPS.Z (SI), K1, Y0
	SPLIT(lastGood)

next:
	NEXT(row)
