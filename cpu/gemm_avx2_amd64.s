#include "textflag.h"

DATA mxcsrDefault<>+0(SB)/4, $0x1f80
GLOBL mxcsrDefault<>(SB), RODATA|NOPTR, $4

DATA canonNaN<>+0(SB)/4, $0x7fc00000
GLOBL canonNaN<>(SB), RODATA|NOPTR, $4

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
	YDSTEPS(YDROWS4, row, loop4, tail4, last4); \
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
