#include "textflag.h"

// The 6×16 microkernels. Y0..Y11 hold the tile, two registers a row; Y12 and
// Y13 one step of B's panel; Y14 an element of A's panel in all lanes; Y15 the
// product of the split mac. SI walks A's panel (6 elements a step), DI B's (16
// elements a step), DX is the tile, CX counts steps.
//
// MXCSR is saved, set to its default and restored, because a library in the
// same thread may have switched flushing of subnormals on.

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

// ROW adds one row's products: x is A's element, lo and hi the row's registers.
#define FUSEDROW(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VFMADD231PS Y12, Y14, lo; \
	VFMADD231PS Y13, Y14, hi

#define SPLITROW(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VMULPS Y12, Y14, Y15; \
	VMULPS Y13, Y14, Y14; \
	VADDPS Y15, lo, lo; \
	VADDPS Y14, hi, hi

// FUSEDSTEP is step s, counted from SI and DI.
#define FUSEDSTEP(s) \
	VMOVUPS (s*64)(DI), Y12; \
	VMOVUPS (s*64+32)(DI), Y13; \
	FUSEDROW((s*24+0)(SI), Y0, Y1); \
	FUSEDROW((s*24+4)(SI), Y2, Y3); \
	FUSEDROW((s*24+8)(SI), Y4, Y5); \
	FUSEDROW((s*24+12)(SI), Y6, Y7); \
	FUSEDROW((s*24+16)(SI), Y8, Y9); \
	FUSEDROW((s*24+20)(SI), Y10, Y11)

// SPLITSTEP is step s, counted from SI and DI.
#define SPLITSTEP(s) \
	VMOVUPS (s*64)(DI), Y12; \
	VMOVUPS (s*64+32)(DI), Y13; \
	SPLITROW((s*24+0)(SI), Y0, Y1); \
	SPLITROW((s*24+4)(SI), Y2, Y3); \
	SPLITROW((s*24+8)(SI), Y4, Y5); \
	SPLITROW((s*24+12)(SI), Y6, Y7); \
	SPLITROW((s*24+16)(SI), Y8, Y9); \
	SPLITROW((s*24+20)(SI), Y10, Y11)

#define LOADTILE \
	VMOVUPS 0(DX), Y0; \
	VMOVUPS 32(DX), Y1; \
	VMOVUPS 64(DX), Y2; \
	VMOVUPS 96(DX), Y3; \
	VMOVUPS 128(DX), Y4; \
	VMOVUPS 160(DX), Y5; \
	VMOVUPS 192(DX), Y6; \
	VMOVUPS 224(DX), Y7; \
	VMOVUPS 256(DX), Y8; \
	VMOVUPS 288(DX), Y9; \
	VMOVUPS 320(DX), Y10; \
	VMOVUPS 352(DX), Y11

#define ZEROTILE \
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

#define STORETILE \
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
	VMOVUPS Y11, 352(DX)

// func microKernelFused(kc int, a, b *float32, c *tile, first bool)
TEXT ·microKernelFused(SB), NOSPLIT, $8-33
	STMXCSR saved-8(SP)
	LDMXCSR mxcsrDefault<>(SB)
	MOVQ kc+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVBLZX first+32(FP), AX
	TESTL AX, AX
	JZ load
	ZEROTILE
	JMP steps

load:
	LOADTILE

steps:
	SUBQ $4, CX
	JL rest

four:
	FUSEDSTEP(0)
	FUSEDSTEP(1)
	FUSEDSTEP(2)
	FUSEDSTEP(3)
	ADDQ $96, SI
	ADDQ $256, DI
	SUBQ $4, CX
	JGE four

rest:
	ADDQ $4, CX
	JZ done

one:
	FUSEDSTEP(0)
	ADDQ $24, SI
	ADDQ $64, DI
	DECQ CX
	JNZ one

done:
	STORETILE
	VZEROUPPER
	LDMXCSR saved-8(SP)
	RET

// func microKernelSplit(kc int, a, b *float32, c *tile, first bool)
TEXT ·microKernelSplit(SB), NOSPLIT, $8-33
	STMXCSR saved-8(SP)
	LDMXCSR mxcsrDefault<>(SB)
	MOVQ kc+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVBLZX first+32(FP), AX
	TESTL AX, AX
	JZ load
	ZEROTILE
	JMP steps

load:
	LOADTILE

steps:
	SUBQ $4, CX
	JL rest

four:
	SPLITSTEP(0)
	SPLITSTEP(1)
	SPLITSTEP(2)
	SPLITSTEP(3)
	ADDQ $96, SI
	ADDQ $256, DI
	SUBQ $4, CX
	JGE four

rest:
	ADDQ $4, CX
	JZ done

one:
	SPLITSTEP(0)
	ADDQ $24, SI
	ADDQ $64, DI
	DECQ CX
	JNZ one

done:
	STORETILE
	VZEROUPPER
	LDMXCSR saved-8(SP)
	RET

// func addTileAVX2(r, t *tile)
TEXT ·addTileAVX2(SB), NOSPLIT, $8-16
	STMXCSR saved-8(SP)
	LDMXCSR mxcsrDefault<>(SB)
	MOVQ r+0(FP), DX
	MOVQ t+8(FP), SI
	LOADTILE
	VADDPS 0(SI), Y0, Y0
	VADDPS 32(SI), Y1, Y1
	VADDPS 64(SI), Y2, Y2
	VADDPS 96(SI), Y3, Y3
	VADDPS 128(SI), Y4, Y4
	VADDPS 160(SI), Y5, Y5
	VADDPS 192(SI), Y6, Y6
	VADDPS 224(SI), Y7, Y7
	VADDPS 256(SI), Y8, Y8
	VADDPS 288(SI), Y9, Y9
	VADDPS 320(SI), Y10, Y10
	VADDPS 352(SI), Y11, Y11
	STORETILE
	VZEROUPPER
	LDMXCSR saved-8(SP)
	RET

// func setMXCSR(v uint32) (old uint32)
TEXT ·setMXCSR(SB), NOSPLIT, $0-12
	STMXCSR old+8(FP)
	LDMXCSR v+0(FP)
	RET

// func pause(n int)
TEXT ·pause(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX

again:
	PAUSE
	DECQ CX
	JNZ again
	RET
