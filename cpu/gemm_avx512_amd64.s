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

// The 12×32 kernels of the product. Z0..Z23 hold the tile, two registers a
// row; Z24 and Z25 one step of B; Z26 an element of A in all lanes; Z27 and
// Z30 the products of the split mac. A group of 8 or 4 rows leaves the rest of
// the tile alone, so that few rows cost few macs. Fields of the argument are
// those of type macro.

#define ZZERO(a, b) \
	VPXORD a, a, a; \
	VPXORD b, b, b

#define ZLOAD(i, a, b) \
	VMOVUPS (i*128)(DX), a; \
	VMOVUPS (i*128+64)(DX), b

#define ZSTORE(i, a, b) \
	VMOVUPS a, (i*128)(DX); \
	VMOVUPS b, (i*128+64)(DX)

#define ZTILE(op) \
	op(0, Z0, Z1); \
	op(1, Z2, Z3); \
	op(2, Z4, Z5); \
	op(3, Z6, Z7); \
	op(4, Z8, Z9); \
	op(5, Z10, Z11); \
	op(6, Z12, Z13); \
	op(7, Z14, Z15); \
	op(8, Z16, Z17); \
	op(9, Z18, Z19); \
	op(10, Z20, Z21); \
	op(11, Z22, Z23)

#define ZCLEAR \
	ZZERO(Z0, Z1); \
	ZZERO(Z2, Z3); \
	ZZERO(Z4, Z5); \
	ZZERO(Z6, Z7); \
	ZZERO(Z8, Z9); \
	ZZERO(Z10, Z11); \
	ZZERO(Z12, Z13); \
	ZZERO(Z14, Z15); \
	ZZERO(Z16, Z17); \
	ZZERO(Z18, Z19); \
	ZZERO(Z20, Z21); \
	ZZERO(Z22, Z23)

// ZFUSED and ZSPLIT add the products of A's element x to a row of the tile.
#define ZFUSED(x, lo, hi) \
	VBROADCASTSS x, Z26; \
	VFMADD231PS Z24, Z26, lo; \
	VFMADD231PS Z25, Z26, hi

#define ZSPLIT(x, lo, hi) \
	VBROADCASTSS x, Z26; \
	VMULPS Z24, Z26, Z27; \
	VMULPS Z25, Z26, Z30; \
	VADDPS Z27, lo, lo; \
	VADDPS Z30, hi, hi

// One step of packed panels; s counts from SI and DI.
#define ZB(s) \
	VMOVUPS (s*128)(DI), Z24; \
	VMOVUPS (s*128+64)(DI), Z25

#define ZROWS4(row, s) \
	row((s*48+0)(SI), Z0, Z1); \
	row((s*48+4)(SI), Z2, Z3); \
	row((s*48+8)(SI), Z4, Z5); \
	row((s*48+12)(SI), Z6, Z7)

#define ZROWS8(row, s) \
	ZROWS4(row, s); \
	row((s*48+16)(SI), Z8, Z9); \
	row((s*48+20)(SI), Z10, Z11); \
	row((s*48+24)(SI), Z12, Z13); \
	row((s*48+28)(SI), Z14, Z15)

#define ZROWS12(row, s) \
	ZROWS8(row, s); \
	row((s*48+32)(SI), Z16, Z17); \
	row((s*48+36)(SI), Z18, Z19); \
	row((s*48+40)(SI), Z20, Z21); \
	row((s*48+44)(SI), Z22, Z23)

// ZFINISH adds a row to +0, makes its NaN canonical and stores it; it leaves
// the tile after the last of CX rows. Z28 is +0, Z29 the canonical NaN.
#define ZFINISH(i, lo, hi) \
	VADDPS Z28, lo, lo; \
	VADDPS Z28, hi, hi; \
	VCMPPS $3, lo, lo, K1; \
	VCMPPS $3, hi, hi, K2; \
	VMOVAPS Z29, K1, lo; \
	VMOVAPS Z29, K2, hi; \
	VMOVUPS lo, (BX); \
	VMOVUPS hi, 64(BX); \
	ADDQ R8, BX; \
	DECQ CX; \
	JZ next

// ZMACRO is a panel of B against all panels of a block of A.
#define ZMACRO(row) \
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
	VPXORD Z28, Z28, Z28; \
	VBROADCASTSS canonNaN<>(SB), Z29; \
tile: \
	TESTQ $1, R13; \
	JZ zero; \
	ZTILE(ZLOAD); \
	JMP begin; \
zero: \
	ZCLEAR; \
begin: \
	TESTQ $2, R13; \
	JZ steps; \
	MOVQ R9, CX; \
	MOVQ $12, DI; \
	CMPQ CX, DI; \
	CMOVQGT DI, CX; \
	MOVQ BX, DI; \
ahead: \
	PREFETCHT0 (DI); \
	PREFETCHT0 64(DI); \
	ADDQ R8, DI; \
	DECQ CX; \
	JNZ ahead; \
steps: \
	MOVQ R11, DI; \
	MOVQ R10, CX; \
	CMPQ R9, $8; \
	JGT twelve; \
	CMPQ R9, $4; \
	JGT eight; \
four: \
	ZB(0); \
	ZROWS4(row, 0); \
	ADDQ $48, SI; \
	ADDQ $128, DI; \
	DECQ CX; \
	JNZ four; \
	JMP stepped; \
eight: \
	ZB(0); \
	ZROWS8(row, 0); \
	ADDQ $48, SI; \
	ADDQ $128, DI; \
	DECQ CX; \
	JNZ eight; \
	JMP stepped; \
twelve: \
	SUBQ $4, CX; \
	JLT rest; \
quad: \
	PREFETCHT0 768(SI); \
	PREFETCHT0 832(SI); \
	PREFETCHT0 896(SI); \
	PREFETCHT1 (R12); \
	ADDQ $64, R12; \
	ZB(0); \
	ZROWS12(row, 0); \
	ZB(1); \
	ZROWS12(row, 1); \
	ZB(2); \
	ZROWS12(row, 2); \
	ZB(3); \
	ZROWS12(row, 3); \
	ADDQ $192, SI; \
	ADDQ $512, DI; \
	SUBQ $4, CX; \
	JGE quad; \
rest: \
	ADDQ $4, CX; \
	JZ stepped; \
single: \
	ZB(0); \
	ZROWS12(row, 0); \
	ADDQ $48, SI; \
	ADDQ $128, DI; \
	DECQ CX; \
	JNZ single; \
stepped: \
	TESTQ $2, R13; \
	JNZ final; \
	ZTILE(ZSTORE); \
	JMP next; \
final: \
	MOVQ R9, CX; \
	ZTILE(ZFINISH); \
next: \
	ADDQ $1536, DX; \
	SUBQ $12, R9; \
	JGT tile; \
	VZEROUPPER; \
	UNSOUND(back)

// func macroFused512(x *macro)
TEXT ·macroFused512(SB), NOSPLIT, $8-8
	ZMACRO(ZFUSED)

// func macroSplit512(x *macro)
TEXT ·macroSplit512(SB), NOSPLIT, $8-8
	ZMACRO(ZSPLIT)

// The kernels in place read A's rows where they stand: SI is the group's row 0,
// R8 the rows' distance, R9, R10 and R11 rows 3, 6 and 9 (in a group of four
// rows 1, 2 and 3, of which those past the last are the last again). DI walks
// B by R12 a step.
#define ZDB \
	VMOVUPS (DI), Z24; \
	VMOVUPS 64(DI), Z25; \
	ADDQ R12, DI

// The narrow kernels use one register a row, and K3 for the columns there are.
#define ZNB \
	VMOVUPS.Z (DI), K3, Z24; \
	ADDQ R12, DI

#define ZNFUSED(x, lo, hi) \
	VBROADCASTSS x, Z26; \
	VFMADD231PS Z24, Z26, lo

#define ZNSPLIT(x, lo, hi) \
	VBROADCASTSS x, Z26; \
	VMULPS Z24, Z26, Z27; \
	VADDPS Z27, lo, lo

#define ZNFINISH(i, lo, hi) \
	VADDPS Z28, lo, lo; \
	VCMPPS $3, lo, lo, K1; \
	VMOVAPS Z29, K1, lo; \
	VMOVUPS lo, K3, (BX); \
	ADDQ DX, BX; \
	DECQ CX; \
	JZ done

#define ZDROWS4(row, s) \
	row((s*4)(SI), Z0, Z1); \
	row((s*4)(R9), Z2, Z3); \
	row((s*4)(R10), Z4, Z5); \
	row((s*4)(R11), Z6, Z7)

#define ZDROWS8(row, s) \
	row((s*4)(SI), Z0, Z1); \
	row((s*4)(SI)(R8*1), Z2, Z3); \
	row((s*4)(SI)(R8*2), Z4, Z5); \
	row((s*4)(R9), Z6, Z7); \
	row((s*4)(R9)(R8*1), Z8, Z9); \
	row((s*4)(R9)(R8*2), Z10, Z11); \
	row((s*4)(R10), Z12, Z13); \
	row((s*4)(R10)(R8*1), Z14, Z15)

#define ZDROWS12(row, s) \
	ZDROWS8(row, s); \
	row((s*4)(R10)(R8*2), Z16, Z17); \
	row((s*4)(R11), Z18, Z19); \
	row((s*4)(R11)(R8*1), Z20, Z21); \
	row((s*4)(R11)(R8*2), Z22, Z23)

#define ZDSTEPS(load, rows, row, loop, tail, last) \
	SUBQ $4, CX; \
	JLT tail; \
loop: \
	load; \
	rows(row, 0); \
	load; \
	rows(row, 1); \
	load; \
	rows(row, 2); \
	load; \
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
	load; \
	rows(row, 0); \
	ADDQ $4, SI; \
	ADDQ $4, R9; \
	ADDQ $4, R10; \
	ADDQ $4, R11; \
	DECQ CX; \
	JNZ last; \
	JMP stepped

#define ZDFINISH(i, lo, hi) \
	VADDPS Z28, lo, lo; \
	VADDPS Z28, hi, hi; \
	VCMPPS $3, lo, lo, K1; \
	VCMPPS $3, hi, hi, K2; \
	VMOVAPS Z29, K1, lo; \
	VMOVAPS Z29, K2, hi; \
	VMOVUPS lo, (BX); \
	VMOVUPS hi, 64(BX); \
	ADDQ DX, BX; \
	DECQ CX; \
	JZ done

// R13 counts the rows left, R14 those of the group: 12 or 8 as long as there
// are as many, since no row past the last may be read, else up to 4. 16 are 8
// and 8, because chains in 4 registers wait for each other.
#define ZDIRECT(load, row, finish) \
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
	MOVQ 88(AX), CX; \
	MOVQ $1, SI; \
	SHLQ CX, SI; \
	DECQ SI; \
	KMOVW SI, K3; \
	VPXORD Z28, Z28, Z28; \
	VBROADCASTSS canonNaN<>(SB), Z29; \
group: \
	ZCLEAR; \
	MOVQ base-16(SP), SI; \
	MOVQ panel-32(SP), DI; \
	MOVQ 0(AX), CX; \
	CMPQ R13, $8; \
	JLT four; \
	LEAQ (R8)(R8*2), R11; \
	LEAQ (SI)(R11*1), R9; \
	LEAQ (R9)(R11*1), R10; \
	ADDQ R10, R11; \
	CMPQ R13, $12; \
	JLT eight; \
	CMPQ R13, $16; \
	JEQ eight; \
	MOVQ $12, R14; \
	ZDSTEPS(load, ZDROWS12, row, loop12, tail12, last12); \
eight: \
	MOVQ $8, R14; \
	ZDSTEPS(load, ZDROWS8, row, loop8, tail8, last8); \
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
	ZDSTEPS(load, ZDROWS4, row, loop4, tail4, last4); \
stepped: \
	MOVQ R13, CX; \
	CMPQ R14, CX; \
	CMOVQLT R14, CX; \
	MOVQ CX, R14; \
	ZTILE(finish); \
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
	ADDQ $128, BX; \
	MOVQ BX, out-24(SP); \
	MOVQ 8(AX), SI; \
	MOVQ SI, base-16(SP); \
	MOVQ 24(AX), R13; \
	JMP group; \
all: \
	VZEROUPPER; \
	UNSOUND(back)

// func inPlaceFused512(x *macro)
TEXT ·inPlaceFused512(SB), NOSPLIT, $40-8
	ZDIRECT(ZDB, ZFUSED, ZDFINISH)

// func inPlaceSplit512(x *macro)
TEXT ·inPlaceSplit512(SB), NOSPLIT, $40-8
	ZDIRECT(ZDB, ZSPLIT, ZDFINISH)

// func narrowFused512(x *macro)
TEXT ·narrowFused512(SB), NOSPLIT, $40-8
	ZDIRECT(ZNB, ZNFUSED, ZNFINISH)

// func narrowSplit512(x *macro)
TEXT ·narrowSplit512(SB), NOSPLIT, $40-8
	ZDIRECT(ZNB, ZNSPLIT, ZNFINISH)
