#include "textflag.h"

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

// The kernels of a matrix times a vector: eight rows of the matrix at a time
// are transposed in registers, four columns of them, so that a register holds
// one step of eight chains. SI and DI are a group's rows 0 and 4, BX the rows'
// distance and DX three times as much; R11 is the vector; Y15 are the chains.
#define DFUSED(s, x) \
	VBROADCASTSS x, Y12; \
	VFMADD231PS s, Y12, Y15

#define DSPLIT(s, x) \
	VBROADCASTSS x, Y12; \
	VMULPS s, Y12, Y12; \
	VADDPS Y12, Y15, Y15

#define DSTEPS4(mac, at) \
	VMOVUPS at(SI), X0; \
	VMOVUPS at(SI)(BX*1), X1; \
	VMOVUPS at(SI)(BX*2), X2; \
	VMOVUPS at(SI)(DX*1), X3; \
	VINSERTF128 $1, at(DI), Y0, Y0; \
	VINSERTF128 $1, at(DI)(BX*1), Y1, Y1; \
	VINSERTF128 $1, at(DI)(BX*2), Y2, Y2; \
	VINSERTF128 $1, at(DI)(DX*1), Y3, Y3; \
	VUNPCKLPS Y1, Y0, Y4; \
	VUNPCKHPS Y1, Y0, Y5; \
	VUNPCKLPS Y3, Y2, Y6; \
	VUNPCKHPS Y3, Y2, Y7; \
	VUNPCKLPD Y6, Y4, Y8; \
	VUNPCKHPD Y6, Y4, Y9; \
	VUNPCKLPD Y7, Y5, Y10; \
	VUNPCKHPD Y7, Y5, Y11; \
	mac(Y8, at(R11)); \
	mac(Y9, (at+4)(R11)); \
	mac(Y10, (at+8)(R11)); \
	mac(Y11, (at+12)(R11))

// Sixteen steps at a time, all groups of rows one after the other, so that the
// chains of several groups are under way; each row's line is fetched well ahead.
#define DOTS(mac) \
	STMXCSR saved-8(SP); \
	LDMXCSR mxcsrDefault<>(SB); \
	MOVQ x+0(FP), AX; \
	MOVQ 0(AX), CX; \
	MOVQ 8(AX), R8; \
	MOVQ 16(AX), BX; \
	MOVQ 24(AX), R11; \
	LEAQ (BX)(BX*2), DX; \
	SUBQ $16, CX; \
	JLT rest; \
sixteen: \
	MOVQ R8, SI; \
	MOVQ 32(AX), R13; \
	MOVQ 40(AX), R14; \
group: \
	LEAQ (SI)(BX*4), DI; \
	VMOVUPS (R14), Y15; \
	PREFETCHT0 512(SI); \
	PREFETCHT0 512(SI)(BX*1); \
	PREFETCHT0 512(SI)(BX*2); \
	PREFETCHT0 512(SI)(DX*1); \
	PREFETCHT0 512(DI); \
	PREFETCHT0 512(DI)(BX*1); \
	PREFETCHT0 512(DI)(BX*2); \
	PREFETCHT0 512(DI)(DX*1); \
	DSTEPS4(mac, 0); \
	DSTEPS4(mac, 16); \
	DSTEPS4(mac, 32); \
	DSTEPS4(mac, 48); \
	VMOVUPS Y15, (R14); \
	ADDQ $32, R14; \
	LEAQ (SI)(BX*8), SI; \
	DECQ R13; \
	JNZ group; \
	ADDQ $64, R8; \
	ADDQ $64, R11; \
	SUBQ $16, CX; \
	JGE sixteen; \
rest: \
	ADDQ $16, CX; \
	JZ done; \
	MOVQ R8, SI; \
	MOVQ 32(AX), R13; \
	MOVQ 40(AX), R14; \
eight: \
	LEAQ (SI)(BX*4), DI; \
	VMOVUPS (R14), Y15; \
	DSTEPS4(mac, 0); \
	DSTEPS4(mac, 16); \
	VMOVUPS Y15, (R14); \
	ADDQ $32, R14; \
	LEAQ (SI)(BX*8), SI; \
	DECQ R13; \
	JNZ eight; \
done: \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// func rowDotsFused(x *rowDots)
TEXT ·rowDotsFused(SB), NOSPLIT, $8-8
	DOTS(DFUSED)

// func rowDotsSplit(x *rowDots)
TEXT ·rowDotsSplit(SB), NOSPLIT, $8-8
	DOTS(DSPLIT)

// The kernel of two groups keeps both groups' chains, Y15 and Y14, in registers,
// since two chains alone do not hide the latency of storing and loading them.
// It takes a line of each row of a group, then of the other: rows a power of two
// apart share a set of L1, which does not hold a line of all sixteen. Eight
// columns of rows p to p+3 and q to q+3 are transposed at a time.
#define TFUSED(s, x, acc) \
	VBROADCASTSS x, Y12; \
	VFMADD231PS s, Y12, acc

#define TSPLIT(s, x, acc) \
	VBROADCASTSS x, Y12; \
	VMULPS s, Y12, Y12; \
	VADDPS Y12, acc, acc

#define TSTEPS8(mac, at, p, q, acc) \
	VMOVUPS at(p), Y0; \
	VMOVUPS at(p)(BX*1), Y1; \
	VMOVUPS at(p)(BX*2), Y2; \
	VMOVUPS at(p)(DX*1), Y3; \
	VMOVUPS at(q), Y4; \
	VMOVUPS at(q)(BX*1), Y5; \
	VMOVUPS at(q)(BX*2), Y6; \
	VMOVUPS at(q)(DX*1), Y7; \
	VUNPCKLPS Y1, Y0, Y8; \
	VUNPCKHPS Y1, Y0, Y0; \
	VUNPCKLPS Y3, Y2, Y1; \
	VUNPCKHPS Y3, Y2, Y2; \
	VUNPCKLPS Y5, Y4, Y3; \
	VUNPCKHPS Y5, Y4, Y4; \
	VUNPCKLPS Y7, Y6, Y5; \
	VUNPCKHPS Y7, Y6, Y6; \
	VUNPCKLPD Y1, Y8, Y7; \
	VUNPCKHPD Y1, Y8, Y8; \
	VUNPCKLPD Y2, Y0, Y1; \
	VUNPCKHPD Y2, Y0, Y0; \
	VUNPCKLPD Y5, Y3, Y2; \
	VUNPCKHPD Y5, Y3, Y3; \
	VUNPCKLPD Y6, Y4, Y5; \
	VUNPCKHPD Y6, Y4, Y4; \
	VINSERTF128 $1, X2, Y7, Y6; \
	VINSERTF128 $1, X3, Y8, Y9; \
	VINSERTF128 $1, X5, Y1, Y10; \
	VINSERTF128 $1, X4, Y0, Y11; \
	VPERM2F128 $0x31, Y2, Y7, Y7; \
	VPERM2F128 $0x31, Y3, Y8, Y8; \
	VPERM2F128 $0x31, Y5, Y1, Y1; \
	VPERM2F128 $0x31, Y4, Y0, Y0; \
	mac(Y6, at(R11), acc); \
	mac(Y9, (at+4)(R11), acc); \
	mac(Y10, (at+8)(R11), acc); \
	mac(Y11, (at+12)(R11), acc); \
	mac(Y7, (at+16)(R11), acc); \
	mac(Y8, (at+20)(R11), acc); \
	mac(Y1, (at+24)(R11), acc); \
	mac(Y0, (at+28)(R11), acc)

#define TWOGROUPS(mac) \
	STMXCSR saved-8(SP); \
	LDMXCSR mxcsrDefault<>(SB); \
	MOVQ x+0(FP), AX; \
	MOVQ 0(AX), CX; \
	MOVQ 8(AX), SI; \
	MOVQ 16(AX), BX; \
	MOVQ 24(AX), R11; \
	MOVQ 40(AX), R14; \
	MOVQ 48(AX), R8; \
	LEAQ (BX)(BX*2), DX; \
	LEAQ (SI)(BX*4), DI; \
	LEAQ (R8)(BX*4), R9; \
	VMOVUPS 0(R14), Y15; \
	VMOVUPS 32(R14), Y14; \
	SUBQ $16, CX; \
	JLT rest; \
sixteen: \
	TSTEPS8(mac, 0, SI, DI, Y15); \
	TSTEPS8(mac, 32, SI, DI, Y15); \
	TSTEPS8(mac, 0, R8, R9, Y14); \
	TSTEPS8(mac, 32, R8, R9, Y14); \
	ADDQ $64, SI; \
	ADDQ $64, DI; \
	ADDQ $64, R8; \
	ADDQ $64, R9; \
	ADDQ $64, R11; \
	SUBQ $16, CX; \
	JGE sixteen; \
rest: \
	ADDQ $16, CX; \
	JZ done; \
	TSTEPS8(mac, 0, SI, DI, Y15); \
	TSTEPS8(mac, 0, R8, R9, Y14); \
done: \
	VMOVUPS Y15, 0(R14); \
	VMOVUPS Y14, 32(R14); \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// func twoGroupsFused(x *rowDots)
TEXT ·twoGroupsFused(SB), NOSPLIT, $8-8
	TWOGROUPS(TFUSED)

// func twoGroupsSplit(x *rowDots)
TEXT ·twoGroupsSplit(SB), NOSPLIT, $8-8
	TWOGROUPS(TSPLIT)
