#include "textflag.h"

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

DATA canonNaN<>+0(SB)/4, $0x7fc00000
GLOBL canonNaN<>(SB), RODATA|NOPTR, $4

// The mask of n lanes starts 4·(8−n) bytes in.
DATA lanes<>+0(SB)/8, $-1
DATA lanes<>+8(SB)/8, $-1
DATA lanes<>+16(SB)/8, $-1
DATA lanes<>+24(SB)/8, $-1
DATA lanes<>+32(SB)/8, $0
DATA lanes<>+40(SB)/8, $0
DATA lanes<>+48(SB)/8, $0
DATA lanes<>+56(SB)/8, $0
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// SOUND sets the default MXCSR, if the thread has another, and UNSOUND restores
// the thread's own: reading it costs little, writing it stops the pipeline.
#define SOUND(label) \
	STMXCSR saved-8(SP); \
	MOVL saved-8(SP), AX; \
	ANDL $0xffc0, AX; \
	CMPL AX, $0x1f80; \
	JEQ label; \
	LDMXCSR mxcsrDefault<>(SB); \
label:

#define UNSOUND(label) \
	MOVL saved-8(SP), AX; \
	ANDL $0xffc0, AX; \
	CMPL AX, $0x1f80; \
	JEQ label; \
	LDMXCSR saved-8(SP); \
label: \
	RET

// The 6×16 kernels of the product. Y0..Y11 hold the tile, two registers a row;
// Y12 and Y13 one step of B; Y14 an element of A in all lanes; Y15 a product of
// the split mac. A group of 4 rows leaves the rest of the tile alone. Fields of
// the argument are those of type macro.

#define YZERO(i, a, b) \
	VXORPS a, a, a; \
	VXORPS b, b, b

#define YLOAD(i, a, b) \
	VMOVUPS (i*64)(DX), a; \
	VMOVUPS (i*64+32)(DX), b

#define YSTORE(i, a, b) \
	VMOVUPS a, (i*64)(DX); \
	VMOVUPS b, (i*64+32)(DX)

#define YTILE(op) \
	op(0, Y0, Y1); \
	op(1, Y2, Y3); \
	op(2, Y4, Y5); \
	op(3, Y6, Y7); \
	op(4, Y8, Y9); \
	op(5, Y10, Y11)

// YFUSED and YSPLIT add the products of A's element x to a row of the tile.
#define YFUSED(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VFMADD231PS Y12, Y14, lo; \
	VFMADD231PS Y13, Y14, hi

#define YSPLIT(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VMULPS Y12, Y14, Y15; \
	VMULPS Y13, Y14, Y14; \
	VADDPS Y15, lo, lo; \
	VADDPS Y14, hi, hi

// One step of packed panels; s counts from SI and DI.
#define YB(s) \
	VMOVUPS (s*64)(DI), Y12; \
	VMOVUPS (s*64+32)(DI), Y13

#define YROWS4(row, s) \
	row((s*24+0)(SI), Y0, Y1); \
	row((s*24+4)(SI), Y2, Y3); \
	row((s*24+8)(SI), Y4, Y5); \
	row((s*24+12)(SI), Y6, Y7)

#define YROWS6(row, s) \
	YROWS4(row, s); \
	row((s*24+16)(SI), Y8, Y9); \
	row((s*24+20)(SI), Y10, Y11)

// YFINISH adds a row to +0, makes its NaN canonical and stores it; it leaves
// the tile after the last of CX rows. Y13 is +0, Y14 the canonical NaN.
#define YFINISH(i, lo, hi) \
	VADDPS Y13, lo, lo; \
	VADDPS Y13, hi, hi; \
	VCMPPS $3, lo, lo, Y12; \
	VCMPPS $3, hi, hi, Y15; \
	VBLENDVPS Y12, Y14, lo, lo; \
	VBLENDVPS Y15, Y14, hi, hi; \
	VMOVUPS lo, (BX); \
	VMOVUPS hi, 32(BX); \
	ADDQ R8, BX; \
	DECQ CX; \
	JZ next

// YMACRO is a panel of B against all panels of a block of A. The first tiles
// fetch the next panel of B ahead, R12 to R14.
#define YMACRO(row) \
	SOUND(sound); \
	MOVQ x+0(FP), AX; \
	MOVQ 0(AX), R10; \
	MOVQ 8(AX), SI; \
	MOVQ 16(AX), R11; \
	MOVQ 24(AX), R9; \
	MOVQ 32(AX), R13; \
	MOVQ 40(AX), DX; \
	MOVQ 48(AX), BX; \
	MOVQ 56(AX), R8; \
	MOVQ 80(AX), R12; \
	MOVQ R10, R14; \
	SHLQ $6, R14; \
	ADDQ R12, R14; \
tile: \
	CMPQ R12, R14; \
	CMOVQCC R11, R12; \
	TESTQ $1, R13; \
	JZ zero; \
	YTILE(YLOAD); \
	JMP begin; \
zero: \
	YTILE(YZERO); \
begin: \
	MOVQ R11, DI; \
	MOVQ R10, CX; \
	CMPQ R9, $4; \
	JGT six; \
four: \
	YB(0); \
	YROWS4(row, 0); \
	ADDQ $24, SI; \
	ADDQ $64, DI; \
	DECQ CX; \
	JNZ four; \
	JMP stepped; \
six: \
	SUBQ $4, CX; \
	JLT rest; \
quad: \
	PREFETCHT0 512(SI); \
	PREFETCHT0 576(SI); \
	PREFETCHT1 (R12); \
	ADDQ $64, R12; \
	YB(0); \
	YROWS6(row, 0); \
	YB(1); \
	YROWS6(row, 1); \
	YB(2); \
	YROWS6(row, 2); \
	YB(3); \
	YROWS6(row, 3); \
	ADDQ $96, SI; \
	ADDQ $256, DI; \
	SUBQ $4, CX; \
	JGE quad; \
rest: \
	ADDQ $4, CX; \
	JZ stepped; \
single: \
	YB(0); \
	YROWS6(row, 0); \
	ADDQ $24, SI; \
	ADDQ $64, DI; \
	DECQ CX; \
	JNZ single; \
stepped: \
	TESTQ $2, R13; \
	JNZ final; \
	YTILE(YSTORE); \
	JMP next; \
final: \
	VXORPS Y13, Y13, Y13; \
	VBROADCASTSS canonNaN<>(SB), Y14; \
	MOVQ R9, CX; \
	YTILE(YFINISH); \
next: \
	ADDQ $384, DX; \
	SUBQ $6, R9; \
	JGT tile; \
	VZEROUPPER; \
	UNSOUND(back)

// func macroFusedAVX2(x *macro)
TEXT ·macroFusedAVX2(SB), NOSPLIT, $8-8
	YMACRO(YFUSED)

// func macroSplitAVX2(x *macro)
TEXT ·macroSplitAVX2(SB), NOSPLIT, $8-8
	YMACRO(YSPLIT)

// The kernels in place read A's rows where they stand: SI is the group's row 0,
// R8 the rows' distance, R9 row 3 (in a group of four rows R9, R10 and R11 are
// rows 1, 2 and 3, of which those past the last are the last again). DI walks B
// by R12 a step.
#define YDB \
	VMOVUPS (DI), Y12; \
	VMOVUPS 32(DI), Y13; \
	ADDQ R12, DI

#define YDROWS4(row, s) \
	YDB; \
	row((s*4)(SI), Y0, Y1); \
	row((s*4)(R9), Y2, Y3); \
	row((s*4)(R10), Y4, Y5); \
	row((s*4)(R11), Y6, Y7)

#define YDROWS2(row, s) \
	YDB; \
	row((s*4)(SI), Y0, Y1); \
	row((s*4)(R9), Y2, Y3)

#define YDROWS6(row, s) \
	YDB; \
	row((s*4)(SI), Y0, Y1); \
	row((s*4)(SI)(R8*1), Y2, Y3); \
	row((s*4)(SI)(R8*2), Y4, Y5); \
	row((s*4)(R9), Y6, Y7); \
	row((s*4)(R9)(R8*1), Y8, Y9); \
	row((s*4)(R9)(R8*2), Y10, Y11)

#define YDSTEPS(rows, row, loop, tail, last) \
	SUBQ $4, CX; \
	JLT tail; \
loop: \
	rows(row, 0); \
	rows(row, 1); \
	rows(row, 2); \
	rows(row, 3); \
	ADDQ $16, SI; \
	ADDQ $16, R9; \
	ADDQ $16, R10; \
	ADDQ $16, R11; \
	SUBQ $4, CX; \
	JGE loop; \
tail: \
	ADDQ $4, CX; \
	JZ stepped; \
last: \
	rows(row, 0); \
	ADDQ $4, SI; \
	ADDQ $4, R9; \
	ADDQ $4, R10; \
	ADDQ $4, R11; \
	DECQ CX; \
	JNZ last; \
	JMP stepped

#define YDFINISH(i, lo, hi) \
	VADDPS Y13, lo, lo; \
	VADDPS Y13, hi, hi; \
	VCMPPS $3, lo, lo, Y12; \
	VCMPPS $3, hi, hi, Y15; \
	VBLENDVPS Y12, Y14, lo, lo; \
	VBLENDVPS Y15, Y14, hi, hi; \
	VMOVUPS lo, (BX); \
	VMOVUPS hi, 32(BX); \
	ADDQ DX, BX; \
	DECQ CX; \
	JZ done

// R13 counts the rows left, R14 those of the group: 6 as long as there are as
// many, since no row past the last may be read, else up to 4.
#define YDIRECT(row) \
	SOUND(sound); \
	MOVQ x+0(FP), AX; \
	MOVQ 24(AX), R13; \
	MOVQ 8(AX), SI; \
	MOVQ SI, base-16(SP); \
	MOVQ 48(AX), BX; \
	MOVQ BX, out-24(SP); \
	MOVQ 16(AX), CX; \
	MOVQ CX, panel-32(SP); \
	MOVQ 96(AX), CX; \
	MOVQ CX, left-40(SP); \
	MOVQ 56(AX), DX; \
	MOVQ 64(AX), R8; \
	MOVQ 72(AX), R12; \
group: \
	YTILE(YZERO); \
	MOVQ base-16(SP), SI; \
	MOVQ panel-32(SP), DI; \
	MOVQ 0(AX), CX; \
	CMPQ R13, $6; \
	JLT four; \
	MOVQ $6, R14; \
	LEAQ (R8)(R8*2), R9; \
	ADDQ SI, R9; \
	YDSTEPS(YDROWS6, row, loop6, tail6, last6); \
four: \
	MOVQ $4, R14; \
	MOVQ SI, R9; \
	LEAQ (SI)(R8*1), R10; \
	CMPQ R13, $1; \
	CMOVQGT R10, R9; \
	MOVQ R9, R10; \
	LEAQ (R9)(R8*1), R11; \
	CMPQ R13, $2; \
	CMOVQGT R11, R10; \
	MOVQ R10, R11; \
	LEAQ (R10)(R8*1), DI; \
	CMPQ R13, $3; \
	CMOVQGT DI, R11; \
	MOVQ panel-32(SP), DI; \
	CMPQ R13, $2; \
	JLE two; \
	YDSTEPS(YDROWS4, row, loop4, tail4, last4); \
two: \
	YDSTEPS(YDROWS2, row, loop2, tail2, last2); \
stepped: \
	VXORPS Y13, Y13, Y13; \
	VBROADCASTSS canonNaN<>(SB), Y14; \
	MOVQ R13, CX; \
	CMPQ R14, CX; \
	CMOVQLT R14, CX; \
	MOVQ CX, R14; \
	YTILE(YDFINISH); \
done: \
	MOVQ R14, CX; \
	IMULQ R8, CX; \
	ADDQ CX, base-16(SP); \
	SUBQ R14, R13; \
	JGT group; \
	DECQ left-40(SP); \
	JLE all; \
	MOVQ 104(AX), CX; \
	ADDQ CX, panel-32(SP); \
	MOVQ out-24(SP), BX; \
	ADDQ $64, BX; \
	MOVQ BX, out-24(SP); \
	MOVQ 8(AX), SI; \
	MOVQ SI, base-16(SP); \
	MOVQ 24(AX), R13; \
	JMP group; \
all: \
	VZEROUPPER; \
	UNSOUND(back)

// func inPlaceFusedAVX2(x *macro)
TEXT ·inPlaceFusedAVX2(SB), NOSPLIT, $40-8
	YDIRECT(YFUSED)

// func inPlaceSplitAVX2(x *macro)
TEXT ·inPlaceSplitAVX2(SB), NOSPLIT, $40-8
	YDIRECT(YSPLIT)

// The kernels of up to 8 columns, A and B as they stand: a register a row, so
// that eight rows are eight chains, which keep both multiply-add units busy, and
// up to four rows wait for their chains alone. Fields of the argument are those
// of type macro.
//
// Rows end at SI and R8 to R14, BX counts the bytes left of them up to 0; DI
// walks B by DX a step. A group's rows past the last are the last again. Y0..Y7
// are the chains, Y12 a step of B, Y13 the columns' mask.
#define NFUSED(x, r) \
	VBROADCASTSS x, Y14; \
	VFMADD231PS Y12, Y14, r

#define NSPLIT(x, r) \
	VBROADCASTSS x, Y14; \
	VMULPS Y12, Y14, Y15; \
	VADDPS Y15, r, r

#define NROWS4(row, s) \
	VMASKMOVPS (DI), Y13, Y12; \
	ADDQ DX, DI; \
	row((s*4)(SI)(BX*1), Y0); \
	row((s*4)(R8)(BX*1), Y1); \
	row((s*4)(R9)(BX*1), Y2); \
	row((s*4)(R10)(BX*1), Y3)

#define NROWS8(row, s) \
	NROWS4(row, s); \
	row((s*4)(R11)(BX*1), Y4); \
	row((s*4)(R12)(BX*1), Y5); \
	row((s*4)(R13)(BX*1), Y6); \
	row((s*4)(R14)(BX*1), Y7)

#define NSTEPS(rows, row, loop, tail, last) \
	ADDQ $16, BX; \
	JGT tail; \
loop: \
	rows(row, -4); \
	rows(row, -3); \
	rows(row, -2); \
	rows(row, -1); \
	ADDQ $16, BX; \
	JLE loop; \
tail: \
	SUBQ $16, BX; \
	JEQ stepped; \
last: \
	rows(row, 0); \
	ADDQ $4, BX; \
	JNE last

// NNEXT sets a row's end from that of the row before, at most the last row's.
#define NNEXT(p, q) \
	LEAQ (p)(AX*1), q; \
	CMPQ q, CX; \
	CMOVQHI CX, q

// NFINISH adds a row to +0, makes its NaN canonical and stores it, and leaves
// after the last row of all.
#define NFINISH(r) \
	VADDPS Y10, r, r; \
	VCMPPS $3, r, r, Y12; \
	VBLENDVPS Y12, Y11, r, r; \
	VMASKMOVPS r, Y13, (DI); \
	ADDQ DX, DI; \
	DECQ R9; \
	JZ done

#define NARROW(row) \
	SOUND(sound); \
	MOVQ x+0(FP), CX; \
	MOVQ 88(CX), BX; \
	LEAQ lanes<>(SB), AX; \
	SHLQ $2, BX; \
	SUBQ BX, AX; \
	VMOVUPS 32(AX), Y13; \
	VXORPS Y10, Y10, Y10; \
	VBROADCASTSS canonNaN<>(SB), Y11; \
	MOVQ 64(CX), AX; \
	MOVQ 48(CX), DI; \
	MOVQ DI, out-16(SP); \
	MOVQ 0(CX), SI; \
	SHLQ $2, SI; \
	ADDQ 8(CX), SI; \
	MOVQ 24(CX), R9; \
	MOVQ R9, left-24(SP); \
group: \
	MOVQ x+0(FP), BX; \
	MOVQ left-24(SP), CX; \
	DECQ CX; \
	IMULQ AX, CX; \
	ADDQ SI, CX; \
	NNEXT(SI, R8); \
	NNEXT(R8, R9); \
	NNEXT(R9, R10); \
	NNEXT(R10, R11); \
	NNEXT(R11, R12); \
	NNEXT(R12, R13); \
	NNEXT(R13, R14); \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7; \
	MOVQ 16(BX), DI; \
	MOVQ 72(BX), DX; \
	MOVQ 0(BX), BX; \
	SHLQ $2, BX; \
	NEGQ BX; \
	CMPQ left-24(SP), $4; \
	JGT eight; \
	NSTEPS(NROWS4, row, loop4, tail4, last4); \
	JMP stepped; \
eight: \
	NSTEPS(NROWS8, row, loop8, tail8, last8); \
stepped: \
	MOVQ x+0(FP), BX; \
	MOVQ out-16(SP), DI; \
	MOVQ 56(BX), DX; \
	MOVQ left-24(SP), R9; \
	NFINISH(Y0); \
	NFINISH(Y1); \
	NFINISH(Y2); \
	NFINISH(Y3); \
	NFINISH(Y4); \
	NFINISH(Y5); \
	NFINISH(Y6); \
	NFINISH(Y7); \
	MOVQ R9, left-24(SP); \
	MOVQ DI, out-16(SP); \
	LEAQ (R14)(AX*1), SI; \
	JMP group; \
done: \
	VZEROUPPER; \
	UNSOUND(back)

// func narrowFusedAVX2(x *macro)
TEXT ·narrowFusedAVX2(SB), NOSPLIT, $24-8
	NARROW(NFUSED)

// func narrowSplitAVX2(x *macro)
TEXT ·narrowSplitAVX2(SB), NOSPLIT, $24-8
	NARROW(NSPLIT)
