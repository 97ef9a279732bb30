#include "textflag.h"

// The elementwise functions, eight elements a step; each is its namesake in
// package exact. DI walks y, SI, DX and R8 the arguments, all by AX; CX counts
// steps. Y14 holds the canonical NaN. MXCSR is set to its default meanwhile,
// because a library in the same thread may have switched flushing of
// subnormals on.

DATA mapMXCSR<>+0(SB)/4, $0x1f80
GLOBL mapMXCSR<>(SB), RODATA|NOPTR, $4
DATA mapNaN<>+0(SB)/4, $0x7fc00000
GLOBL mapNaN<>(SB), RODATA|NOPTR, $4
DATA mapOne<>+0(SB)/4, $0x3f800000
GLOBL mapOne<>(SB), RODATA|NOPTR, $4

#define MAPENTER \
	STMXCSR saved-8(SP); \
	LDMXCSR mapMXCSR<>(SB); \
	MOVQ y+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	MOVQ b+16(FP), DX; \
	MOVQ c+24(FP), R8; \
	MOVQ steps+32(FP), CX; \
	VBROADCASTSS mapNaN<>(SB), Y14; \
	VXORPS Y12, Y12, Y12; \
	VPCMPEQD Y15, Y15, Y15; \
	VPSLLD $31, Y15, Y15; \
	XORQ AX, AX

#define MAPNEXT \
	VMOVUPS Y0, (DI)(AX*1); \
	ADDQ $32, AX; \
	DECQ CX; \
	JNZ step

#define MAPLEAVE \
	LDMXCSR saved-8(SP); \
	VZEROUPPER; \
	RET

// CANON makes the NaN among Y0 canonical.
#define CANON \
	VCMPPS $3, Y0, Y0, Y13; \
	VBLENDVPS Y13, Y14, Y0, Y0

// func negAVX2(y, a, b, c *float32, steps int)
//
// Y15 holds sign bits.
TEXT ·negAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VXORPS (SI)(AX*1), Y15, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func absAVX2(y, a, b, c *float32, steps int)
TEXT ·absAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VANDNPS Y0, Y15, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func squareAVX2(y, a, b, c *float32, steps int)
TEXT ·squareAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VMULPS Y0, Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func sqrtAVX2(y, a, b, c *float32, steps int)
TEXT ·sqrtAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VSQRTPS (SI)(AX*1), Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func recipAVX2(y, a, b, c *float32, steps int)
TEXT ·recipAVX2(SB), NOSPLIT, $8-40
	MAPENTER
	VBROADCASTSS mapOne<>(SB), Y11

step:
	VDIVPS (SI)(AX*1), Y11, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func reluAVX2(y, a, b, c *float32, steps int)
//
// MAXPS gives its second operand, +0, where neither is larger or one is NaN.
TEXT ·reluAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VMAXPS Y12, Y1, Y0
	VCMPPS $3, Y1, Y1, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func addAVX2(y, a, b, c *float32, steps int)
TEXT ·addAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VADDPS (DX)(AX*1), Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func subAVX2(y, a, b, c *float32, steps int)
TEXT ·subAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VSUBPS (DX)(AX*1), Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func mulAVX2(y, a, b, c *float32, steps int)
TEXT ·mulAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VMULPS (DX)(AX*1), Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func divAVX2(y, a, b, c *float32, steps int)
TEXT ·divAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VDIVPS (DX)(AX*1), Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func maxAVX2(y, a, b, c *float32, steps int)
//
// MAXPS gives its second operand, a, where neither is larger or one is NaN.
TEXT ·maxAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VMOVUPS (DX)(AX*1), Y2
	VMAXPS Y1, Y2, Y0
	VCMPPS $3, Y1, Y2, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func minAVX2(y, a, b, c *float32, steps int)
//
// As max.
TEXT ·minAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VMOVUPS (DX)(AX*1), Y2
	VMINPS Y1, Y2, Y0
	VCMPPS $3, Y1, Y2, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func macFusedAVX2(y, a, b, c *float32, steps int)
TEXT ·macFusedAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VMOVUPS (DX)(AX*1), Y1
	VFMADD231PS (R8)(AX*1), Y1, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func macSplitAVX2(y, a, b, c *float32, steps int)
TEXT ·macSplitAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (DX)(AX*1), Y1
	VMULPS (R8)(AX*1), Y1, Y1
	VADDPS (SI)(AX*1), Y1, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func selectAVX2(y, a, b, c *float32, steps int)
//
// The bits of a without its sign decide, so that subnormals count.
TEXT ·selectAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VPADDD Y1, Y1, Y1
	VPCMPEQD Y12, Y1, Y1
	VMOVUPS (DX)(AX*1), Y0
	VBLENDVPS Y1, (R8)(AX*1), Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE
