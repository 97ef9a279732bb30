#include "textflag.h"

// The elementary functions that no vector of package exact's exponentials and
// logarithms makes alone: what stands before and after them, and expm1. The
// sequences are those of backend/exact/elementary.go, with selects for its
// branches. Registers are those of map_amd64.s: Y12 zeros, Y14 the canonical
// NaN, Y15 sign bits, Y13 scratch.

DATA mapTwo<>+0(SB)/4, $0x40000000 // 2
GLOBL mapTwo<>(SB), RODATA|NOPTR, $4
DATA mapHalf<>+0(SB)/4, $0x3f000000 // ½
GLOBL mapHalf<>(SB), RODATA|NOPTR, $4
DATA tanhSmall<>+0(SB)/4, $0x3f200000 // below it the polynomial
GLOBL tanhSmall<>(SB), RODATA|NOPTR, $4
DATA tanhOne<>+0(SB)/4, $0x41102cb4 // from here on tanh is 1
GLOBL tanhOne<>(SB), RODATA|NOPTR, $4
DATA tanh0<>+0(SB)/4, $0xbbba860f // -0x1.750c1ep-8
GLOBL tanh0<>(SB), RODATA|NOPTR, $4
DATA tanh1<>+0(SB)/4, $0x3ca8fc59 // 0x1.51f8b2p-6
GLOBL tanh1<>(SB), RODATA|NOPTR, $4
DATA tanh2<>+0(SB)/4, $0xbd5c1ad1 // -0x1.b835a2p-5
GLOBL tanh2<>(SB), RODATA|NOPTR, $4
DATA tanh3<>+0(SB)/4, $0x3e08837b // 0x1.1106f6p-3
GLOBL tanh3<>(SB), RODATA|NOPTR, $4
DATA tanh4<>+0(SB)/4, $0xbeaaaa99 // -0x1.555532p-2
GLOBL tanh4<>(SB), RODATA|NOPTR, $4
DATA expMagic<>+0(SB)/4, $0x4b400000 // 0x1.8p23
GLOBL expMagic<>(SB), RODATA|NOPTR, $4
DATA expLog2e<>+0(SB)/4, $0x3fb8aa3b // log2 e
GLOBL expLog2e<>(SB), RODATA|NOPTR, $4
DATA expLn2Hi<>+0(SB)/4, $0xbf317200 // −ln2Hi
GLOBL expLn2Hi<>(SB), RODATA|NOPTR, $4
DATA expLn2Lo<>+0(SB)/4, $0xb5bfbe8e // −ln2Lo
GLOBL expLn2Lo<>(SB), RODATA|NOPTR, $4
DATA expm10<>+0(SB)/4, $0x392d5666 // 0x1.5aacccp-13
GLOBL expm10<>(SB), RODATA|NOPTR, $4
DATA expm11<>+0(SB)/4, $0x3ab6a3d6 // 0x1.6d47acp-10
GLOBL expm11<>(SB), RODATA|NOPTR, $4
DATA expm12<>+0(SB)/4, $0x3c08a490 // 0x1.11492p-7
GLOBL expm12<>(SB), RODATA|NOPTR, $4
DATA expm13<>+0(SB)/4, $0x3d2aaa7a // 0x1.5554f4p-5
GLOBL expm13<>(SB), RODATA|NOPTR, $4
DATA expm14<>+0(SB)/4, $0x3e2aaa96 // 0x1.55552cp-3
GLOBL expm14<>(SB), RODATA|NOPTR, $4
DATA expm1Low<>+0(SB)/4, $0xc18aa123 // below it expm1 is −1
GLOBL expm1Low<>(SB), RODATA|NOPTR, $4
DATA expm1High<>+0(SB)/4, $0x42b17217 // above it expm1 is +Inf
GLOBL expm1High<>(SB), RODATA|NOPTR, $4
DATA mapInf<>+0(SB)/4, $0x7f800000 // +Inf
GLOBL mapInf<>(SB), RODATA|NOPTR, $4
DATA mapMinNormal<>+0(SB)/4, $0x00800000 // the smallest normal number
GLOBL mapMinNormal<>(SB), RODATA|NOPTR, $4
DATA mapBias<>+0(SB)/4, $0x0000007e // 126
GLOBL mapBias<>(SB), RODATA|NOPTR, $4
DATA mapOneWord<>+0(SB)/4, $0x00000001 // 1
GLOBL mapOneWord<>(SB), RODATA|NOPTR, $4

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

// MACFUSED is acc = acc + a·b; HORNERFUSED p = c + z·p with c from memory.
#define MACFUSED(acc, a, b) VFMADD231PS b, a, acc
#define HORNERFUSED(c, z, p) \
	VBROADCASTSS c<>(SB), Y13; \
	VFMADD213PS Y13, z, p

#define MACSPLIT(acc, a, b) \
	VMULPS b, a, Y13; \
	VADDPS Y13, acc, acc
#define HORNERSPLIT(c, z, p) \
	VMULPS p, z, p; \
	VBROADCASTSS c<>(SB), Y13; \
	VADDPS Y13, p, p

// func minusAbsAVX2(y, a, b, c *float32, steps int)
//
// y = −|a|.
TEXT ·minusAbsAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VORPS (SI)(AX*1), Y15, Y0
	MAPNEXT
	MAPLEAVE

// func twiceAbsAVX2(y, a, b, c *float32, steps int)
//
// y = 2·|a|.
TEXT ·twiceAbsAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y0
	VANDNPS Y0, Y15, Y0
	VADDPS Y0, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func sigmoidEndAVX2(y, a, b, c *float32, steps int)
//
// y = sigmoid(a) from b = exp(−|a|).
TEXT ·sigmoidEndAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VMOVUPS (DX)(AX*1), Y2
	VBROADCASTSS mapOne<>(SB), Y3
	VADDPS Y2, Y3, Y4
	VBLENDVPS Y1, Y2, Y3, Y0 // by the sign of a
	VDIVPS Y4, Y0, Y0
	CANON
	MAPNEXT
	MAPLEAVE

// func softplusEndAVX2(y, a, b, c *float32, steps int)
//
// y = softplus(a) from b = log1p(exp(−|a|)).
TEXT ·softplusEndAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VMOVUPS (DX)(AX*1), Y2
	VADDPS Y2, Y1, Y0
	VBLENDVPS Y1, Y2, Y0, Y0 // by the sign of a
	CANON
	MAPNEXT
	MAPLEAVE

// func tanhEndFusedAVX2(y, a, b, c *float32, steps int)
//
// y = tanh(a) from b = exp(2·|a|).
TEXT ·tanhEndFusedAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VANDNPS Y1, Y15, Y2 // |a|
	VMULPS Y2, Y2, Y3
	VBROADCASTSS tanh0<>(SB), Y4
	HORNERFUSED(tanh1, Y3, Y4)
	HORNERFUSED(tanh2, Y3, Y4)
	HORNERFUSED(tanh3, Y3, Y4)
	HORNERFUSED(tanh4, Y3, Y4)
	VMULPS Y3, Y2, Y5
	VMOVAPS Y2, Y0
	MACFUSED(Y0, Y5, Y4)
	VBROADCASTSS mapOne<>(SB), Y6
	VADDPS (DX)(AX*1), Y6, Y7
	VBROADCASTSS mapTwo<>(SB), Y8
	VDIVPS Y7, Y8, Y8
	VSUBPS Y8, Y6, Y8 // 1 − 2/(e+1)
	VBROADCASTSS tanhSmall<>(SB), Y9
	VCMPPS $0x1D, Y9, Y2, Y9
	VBLENDVPS Y9, Y8, Y0, Y0
	VBROADCASTSS tanhOne<>(SB), Y9
	VCMPPS $0x1D, Y9, Y2, Y9
	VBLENDVPS Y9, Y6, Y0, Y0
	VBROADCASTSS mapMinNormal<>(SB), Y9
	VPCMPGTD Y2, Y9, Y9 // |a| is subnormal or zero
	VANDNPS Y0, Y9, Y0
	VANDPS Y1, Y15, Y9
	VORPS Y9, Y0, Y0
	VCMPPS $3, Y1, Y1, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func expm1FusedAVX2(y, a, b, c *float32, steps int)
//
// y = expm1(a).
TEXT ·expm1FusedAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VBROADCASTSS expMagic<>(SB), Y2
	VMOVAPS Y2, Y3
	VBROADCASTSS expLog2e<>(SB), Y4
	MACFUSED(Y3, Y1, Y4)
	VPSUBD Y2, Y3, Y4 // n
	VSUBPS Y2, Y3, Y3 // n as a float
	VMOVAPS Y1, Y5
	VBROADCASTSS expLn2Hi<>(SB), Y2
	MACFUSED(Y5, Y3, Y2)
	VBROADCASTSS expLn2Lo<>(SB), Y2
	MACFUSED(Y5, Y3, Y2) // r
	VBROADCASTSS expm10<>(SB), Y6
	HORNERFUSED(expm11, Y5, Y6)
	HORNERFUSED(expm12, Y5, Y6)
	HORNERFUSED(expm13, Y5, Y6)
	HORNERFUSED(expm14, Y5, Y6)
	HORNERFUSED(mapHalf, Y5, Y6)
	VMULPS Y5, Y5, Y7 // s
	VMOVAPS Y5, Y0
	MACFUSED(Y0, Y7, Y6) // v, the result for n = 0
	VBROADCASTSS mapHalf<>(SB), Y8
	VADDPS Y8, Y5, Y9
	MACFUSED(Y9, Y7, Y6) // n = 1
	VBROADCASTSS mapBias<>(SB), Y10
	VPADDD Y10, Y4, Y10
	VPSLLD $23, Y10, Y10 // h
	VSUBPS Y8, Y10, Y11 // y
	VSUBPS Y11, Y10, Y2
	VSUBPS Y8, Y2, Y2 // lost
	MACFUSED(Y2, Y10, Y0)
	VADDPS Y11, Y2, Y2
	VBROADCASTSS mapOneWord<>(SB), Y11
	VPCMPEQD Y11, Y4, Y11
	VBLENDVPS Y11, Y9, Y2, Y2
	VADDPS Y2, Y2, Y2
	VPCMPEQD Y12, Y4, Y11
	VBLENDVPS Y11, Y0, Y2, Y0
	VBROADCASTSS mapOne<>(SB), Y2
	VORPS Y2, Y15, Y2
	VBROADCASTSS expm1Low<>(SB), Y3
	VCMPPS $0x11, Y3, Y1, Y3
	VBLENDVPS Y3, Y2, Y0, Y0
	VBROADCASTSS mapInf<>(SB), Y2
	VBROADCASTSS expm1High<>(SB), Y3
	VCMPPS $0x11, Y1, Y3, Y3
	VBLENDVPS Y3, Y2, Y0, Y0
	VANDNPS Y1, Y15, Y2
	VBROADCASTSS mapMinNormal<>(SB), Y3
	VPCMPGTD Y2, Y3, Y3
	VANDPS Y1, Y15, Y2
	VBLENDVPS Y3, Y2, Y0, Y0
	VCMPPS $3, Y1, Y1, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func tanhEndSplitAVX2(y, a, b, c *float32, steps int)
//
// y = tanh(a) from b = exp(2·|a|).
TEXT ·tanhEndSplitAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VANDNPS Y1, Y15, Y2 // |a|
	VMULPS Y2, Y2, Y3
	VBROADCASTSS tanh0<>(SB), Y4
	HORNERSPLIT(tanh1, Y3, Y4)
	HORNERSPLIT(tanh2, Y3, Y4)
	HORNERSPLIT(tanh3, Y3, Y4)
	HORNERSPLIT(tanh4, Y3, Y4)
	VMULPS Y3, Y2, Y5
	VMOVAPS Y2, Y0
	MACSPLIT(Y0, Y5, Y4)
	VBROADCASTSS mapOne<>(SB), Y6
	VADDPS (DX)(AX*1), Y6, Y7
	VBROADCASTSS mapTwo<>(SB), Y8
	VDIVPS Y7, Y8, Y8
	VSUBPS Y8, Y6, Y8 // 1 − 2/(e+1)
	VBROADCASTSS tanhSmall<>(SB), Y9
	VCMPPS $0x1D, Y9, Y2, Y9
	VBLENDVPS Y9, Y8, Y0, Y0
	VBROADCASTSS tanhOne<>(SB), Y9
	VCMPPS $0x1D, Y9, Y2, Y9
	VBLENDVPS Y9, Y6, Y0, Y0
	VBROADCASTSS mapMinNormal<>(SB), Y9
	VPCMPGTD Y2, Y9, Y9 // |a| is subnormal or zero
	VANDNPS Y0, Y9, Y0
	VANDPS Y1, Y15, Y9
	VORPS Y9, Y0, Y0
	VCMPPS $3, Y1, Y1, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE

// func expm1SplitAVX2(y, a, b, c *float32, steps int)
//
// y = expm1(a).
TEXT ·expm1SplitAVX2(SB), NOSPLIT, $8-40
	MAPENTER

step:
	VMOVUPS (SI)(AX*1), Y1
	VBROADCASTSS expMagic<>(SB), Y2
	VMOVAPS Y2, Y3
	VBROADCASTSS expLog2e<>(SB), Y4
	MACSPLIT(Y3, Y1, Y4)
	VPSUBD Y2, Y3, Y4 // n
	VSUBPS Y2, Y3, Y3 // n as a float
	VMOVAPS Y1, Y5
	VBROADCASTSS expLn2Hi<>(SB), Y2
	MACSPLIT(Y5, Y3, Y2)
	VBROADCASTSS expLn2Lo<>(SB), Y2
	MACSPLIT(Y5, Y3, Y2) // r
	VBROADCASTSS expm10<>(SB), Y6
	HORNERSPLIT(expm11, Y5, Y6)
	HORNERSPLIT(expm12, Y5, Y6)
	HORNERSPLIT(expm13, Y5, Y6)
	HORNERSPLIT(expm14, Y5, Y6)
	HORNERSPLIT(mapHalf, Y5, Y6)
	VMULPS Y5, Y5, Y7 // s
	VMOVAPS Y5, Y0
	MACSPLIT(Y0, Y7, Y6) // v, the result for n = 0
	VBROADCASTSS mapHalf<>(SB), Y8
	VADDPS Y8, Y5, Y9
	MACSPLIT(Y9, Y7, Y6) // n = 1
	VBROADCASTSS mapBias<>(SB), Y10
	VPADDD Y10, Y4, Y10
	VPSLLD $23, Y10, Y10 // h
	VSUBPS Y8, Y10, Y11 // y
	VSUBPS Y11, Y10, Y2
	VSUBPS Y8, Y2, Y2 // lost
	MACSPLIT(Y2, Y10, Y0)
	VADDPS Y11, Y2, Y2
	VBROADCASTSS mapOneWord<>(SB), Y11
	VPCMPEQD Y11, Y4, Y11
	VBLENDVPS Y11, Y9, Y2, Y2
	VADDPS Y2, Y2, Y2
	VPCMPEQD Y12, Y4, Y11
	VBLENDVPS Y11, Y0, Y2, Y0
	VBROADCASTSS mapOne<>(SB), Y2
	VORPS Y2, Y15, Y2
	VBROADCASTSS expm1Low<>(SB), Y3
	VCMPPS $0x11, Y3, Y1, Y3
	VBLENDVPS Y3, Y2, Y0, Y0
	VBROADCASTSS mapInf<>(SB), Y2
	VBROADCASTSS expm1High<>(SB), Y3
	VCMPPS $0x11, Y1, Y3, Y3
	VBLENDVPS Y3, Y2, Y0, Y0
	VANDNPS Y1, Y15, Y2
	VBROADCASTSS mapMinNormal<>(SB), Y3
	VPCMPGTD Y2, Y3, Y3
	VANDPS Y1, Y15, Y2
	VBLENDVPS Y3, Y2, Y0, Y0
	VCMPPS $3, Y1, Y1, Y13
	VBLENDVPS Y13, Y14, Y0, Y0
	MAPNEXT
	MAPLEAVE
