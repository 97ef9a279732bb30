#include "textflag.h"

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

// The row kernels: four rows of B onto two rows of C, 8 columns at a time. B's
// rows are SI, R8, R9 and R10, C's DI and DX; Y0..Y3 and Y4..Y7 hold the two
// rows' elements of A in all lanes.
#define FUSED4(c, x0, x1, x2, x3) \
	VFMADD231PS Y8, x0, c; \
	VFMADD231PS Y9, x1, c; \
	VFMADD231PS Y10, x2, c; \
	VFMADD231PS Y11, x3, c

#define SPLIT4(c, x0, x1, x2, x3) \
	VMULPS Y8, x0, Y14; \
	VMULPS Y9, x1, Y15; \
	VADDPS Y14, c, c; \
	VADDPS Y15, c, c; \
	VMULPS Y10, x2, Y14; \
	VMULPS Y11, x3, Y15; \
	VADDPS Y14, c, c; \
	VADDPS Y15, c, c

#define FUSED1(c, x0) \
	VFMADD231PS Y8, x0, c

#define SPLIT1(c, x0) \
	VMULPS Y8, x0, Y14; \
	VADDPS Y14, c, c

#define ROWPAIR(mac4, mac1) \
	STMXCSR saved-8(SP); \
	LDMXCSR mxcsrDefault<>(SB); \
	MOVQ x+0(FP), AX; \
	MOVQ 0(AX), CX; \
	MOVQ 8(AX), R11; \
	MOVQ 16(AX), R12; \
	MOVQ 24(AX), SI; \
	MOVQ 32(AX), R13; \
	SUBQ $4, CX; \
	JLT rest; \
quad: \
	VBROADCASTSS 0(R11), Y0; \
	VBROADCASTSS 4(R11), Y1; \
	VBROADCASTSS 8(R11), Y2; \
	VBROADCASTSS 12(R11), Y3; \
	VBROADCASTSS 0(R12), Y4; \
	VBROADCASTSS 4(R12), Y5; \
	VBROADCASTSS 8(R12), Y6; \
	VBROADCASTSS 12(R12), Y7; \
	LEAQ (SI)(R13*1), R8; \
	LEAQ (SI)(R13*2), R9; \
	LEAQ (R8)(R13*2), R10; \
	MOVQ 40(AX), DI; \
	MOVQ 48(AX), DX; \
	MOVQ 56(AX), BX; \
	XORQ R14, R14; \
	CMPQ DI, DX; \
	JEQ lone; \
columns: \
	VMOVUPS (SI)(R14*1), Y8; \
	VMOVUPS (R8)(R14*1), Y9; \
	VMOVUPS (R9)(R14*1), Y10; \
	VMOVUPS (R10)(R14*1), Y11; \
	VMOVUPS (DI)(R14*1), Y12; \
	VMOVUPS (DX)(R14*1), Y13; \
	mac4(Y12, Y0, Y1, Y2, Y3); \
	mac4(Y13, Y4, Y5, Y6, Y7); \
	VMOVUPS Y12, (DI)(R14*1); \
	VMOVUPS Y13, (DX)(R14*1); \
	ADDQ $32, R14; \
	SUBQ $8, BX; \
	JGT columns; \
	JMP stepped; \
lone: \
	VMOVUPS (SI)(R14*1), Y8; \
	VMOVUPS (R8)(R14*1), Y9; \
	VMOVUPS (R9)(R14*1), Y10; \
	VMOVUPS (R10)(R14*1), Y11; \
	VMOVUPS (DI)(R14*1), Y12; \
	mac4(Y12, Y0, Y1, Y2, Y3); \
	VMOVUPS Y12, (DI)(R14*1); \
	ADDQ $32, R14; \
	SUBQ $8, BX; \
	JGT lone; \
stepped: \
	LEAQ (SI)(R13*4), SI; \
	ADDQ $16, R11; \
	ADDQ $16, R12; \
	SUBQ $4, CX; \
	JGE quad; \
rest: \
	ADDQ $4, CX; \
	JZ done; \
one: \
	VBROADCASTSS 0(R11), Y0; \
	VBROADCASTSS 0(R12), Y4; \
	MOVQ 40(AX), DI; \
	MOVQ 48(AX), DX; \
	MOVQ 56(AX), BX; \
	XORQ R14, R14; \
single: \
	VMOVUPS (SI)(R14*1), Y8; \
	VMOVUPS (DI)(R14*1), Y12; \
	VMOVUPS (DX)(R14*1), Y13; \
	mac1(Y12, Y0); \
	mac1(Y13, Y4); \
	VMOVUPS Y13, (DX)(R14*1); \
	VMOVUPS Y12, (DI)(R14*1); \
	ADDQ $32, R14; \
	SUBQ $8, BX; \
	JGT single; \
	ADDQ R13, SI; \
	ADDQ $4, R11; \
	ADDQ $4, R12; \
	DECQ CX; \
	JNZ one; \
done: \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// func rowPairFused(x *rowPair)
TEXT ·rowPairFused(SB), NOSPLIT, $8-8
	ROWPAIR(FUSED4, FUSED1)

// func rowPairSplit(x *rowPair)
TEXT ·rowPairSplit(SB), NOSPLIT, $8-8
	ROWPAIR(SPLIT4, SPLIT1)
