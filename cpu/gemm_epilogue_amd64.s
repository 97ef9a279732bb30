#include "textflag.h"

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

DATA canonNaN<>+0(SB)/4, $0x7fc00000
GLOBL canonNaN<>(SB), RODATA|NOPTR, $4

// The epilogue of a product's row, eight elements at a time; fields of the
// argument are those of type rowEnd. Y8 is alpha, Y9 beta, Y10 the canonical
// NaN; AX the flags.
#define EFUSED \
	VFMADD231PS (R8)(R14*1), Y9, Y0

#define ESPLIT \
	VMULPS (R8)(R14*1), Y9, Y1; \
	VADDPS Y1, Y0, Y0

#define ROWEND(mac) \
	STMXCSR saved-8(SP); \
	LDMXCSR mxcsrDefault<>(SB); \
	MOVQ x+0(FP), BX; \
	MOVQ 0(BX), CX; \
	MOVQ 8(BX), SI; \
	MOVQ 16(BX), DI; \
	MOVQ 24(BX), R8; \
	MOVQ 32(BX), R9; \
	VBROADCASTSS 40(BX), Y8; \
	VBROADCASTSS 44(BX), Y9; \
	VBROADCASTSS canonNaN<>(SB), Y10; \
	MOVQ 48(BX), AX; \
	XORQ R14, R14; \
eight: \
	VMOVUPS (SI)(R14*1), Y0; \
	TESTQ $1, AX; \
	JZ beta; \
	VMULPS Y8, Y0, Y0; \
beta: \
	TESTQ $2, AX; \
	JZ bias; \
	mac; \
bias: \
	TESTQ $4, AX; \
	JZ relu; \
	VADDPS (R9)(R14*1), Y0, Y0; \
relu: \
	TESTQ $8, AX; \
	JZ store; \
	VPSRAD $31, Y0, Y1; \
	VCMPPS $3, Y0, Y0, Y2; \
	VPANDN Y0, Y1, Y0; \
	VBLENDVPS Y2, Y10, Y0, Y0; \
store: \
	VCMPPS $3, Y0, Y0, Y2; \
	VBLENDVPS Y2, Y10, Y0, Y0; \
	VMOVUPS Y0, (DI)(R14*1); \
	ADDQ $32, R14; \
	SUBQ $8, CX; \
	JGT eight; \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// func rowEndFused(x *rowEnd)
TEXT ·rowEndFused(SB), NOSPLIT, $8-8
	ROWEND(EFUSED)

// func rowEndSplit(x *rowEnd)
TEXT ·rowEndSplit(SB), NOSPLIT, $8-8
	ROWEND(ESPLIT)
