#include "textflag.h"

// The kernels of the distance family with AVX-512. A panel holds 32 rows in
// lanes: element (k, lane) at k·32 + lane; a group is 8 rows read where they
// stand. A tile is 8×32 chains, Z0..Z15, two registers a row of the group.
//
// MXCSR is saved, set to its default and restored, because a library in the
// same thread may have switched flushing of subnormals on.

DATA laneMXCSR<>+0(SB)/4, $0x1f80
GLOBL laneMXCSR<>(SB), RODATA|NOPTR, $4

DATA laneMagnitude<>+0(SB)/4, $0x7fffffff
GLOBL laneMagnitude<>(SB), RODATA|NOPTR, $4

#define BEGIN \
	STMXCSR saved-8(SP); \
	LDMXCSR laneMXCSR<>(SB)

#define END \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// TRANSPOSE16 turns 16 rows in Z0..Z15 into 16 columns; Z16 is the spare.
// Columns 0 to 15 then stand in Z11, Z14, Z13, Z16, Z0, Z2, Z1, Z4, Z3, Z6,
// Z5, Z8, Z9, Z12, Z10 and Z15, and Z7 is free.
#define TRANSPOSE16 \
	VUNPCKLPS Z1, Z0, Z16; \
	VUNPCKHPS Z1, Z0, Z1; \
	VUNPCKLPS Z3, Z2, Z0; \
	VUNPCKHPS Z3, Z2, Z3; \
	VUNPCKLPS Z5, Z4, Z2; \
	VUNPCKHPS Z5, Z4, Z5; \
	VUNPCKLPS Z7, Z6, Z4; \
	VUNPCKHPS Z7, Z6, Z7; \
	VUNPCKLPS Z9, Z8, Z6; \
	VUNPCKHPS Z9, Z8, Z9; \
	VUNPCKLPS Z11, Z10, Z8; \
	VUNPCKHPS Z11, Z10, Z11; \
	VUNPCKLPS Z13, Z12, Z10; \
	VUNPCKHPS Z13, Z12, Z13; \
	VUNPCKLPS Z15, Z14, Z12; \
	VUNPCKHPS Z15, Z14, Z15; \
	VUNPCKLPD Z0, Z16, Z14; \
	VUNPCKHPD Z0, Z16, Z0; \
	VUNPCKLPD Z3, Z1, Z16; \
	VUNPCKHPD Z3, Z1, Z3; \
	VUNPCKLPD Z4, Z2, Z1; \
	VUNPCKHPD Z4, Z2, Z4; \
	VUNPCKLPD Z7, Z5, Z2; \
	VUNPCKHPD Z7, Z5, Z7; \
	VUNPCKLPD Z8, Z6, Z5; \
	VUNPCKHPD Z8, Z6, Z8; \
	VUNPCKLPD Z11, Z9, Z6; \
	VUNPCKHPD Z11, Z9, Z11; \
	VUNPCKLPD Z12, Z10, Z9; \
	VUNPCKHPD Z12, Z10, Z12; \
	VUNPCKLPD Z15, Z13, Z10; \
	VUNPCKHPD Z15, Z13, Z15; \
	VSHUFF32X4 $0x88, Z1, Z14, Z13; \
	VSHUFF32X4 $0xdd, Z1, Z14, Z1; \
	VSHUFF32X4 $0x88, Z2, Z16, Z14; \
	VSHUFF32X4 $0xdd, Z2, Z16, Z2; \
	VSHUFF32X4 $0x88, Z4, Z0, Z16; \
	VSHUFF32X4 $0xdd, Z4, Z0, Z4; \
	VSHUFF32X4 $0x88, Z7, Z3, Z0; \
	VSHUFF32X4 $0xdd, Z7, Z3, Z7; \
	VSHUFF32X4 $0x88, Z9, Z5, Z3; \
	VSHUFF32X4 $0xdd, Z9, Z5, Z9; \
	VSHUFF32X4 $0x88, Z10, Z6, Z5; \
	VSHUFF32X4 $0xdd, Z10, Z6, Z10; \
	VSHUFF32X4 $0x88, Z12, Z8, Z6; \
	VSHUFF32X4 $0xdd, Z12, Z8, Z12; \
	VSHUFF32X4 $0x88, Z15, Z11, Z8; \
	VSHUFF32X4 $0xdd, Z15, Z11, Z15; \
	VSHUFF32X4 $0x88, Z3, Z13, Z11; \
	VSHUFF32X4 $0xdd, Z3, Z13, Z3; \
	VSHUFF32X4 $0x88, Z5, Z14, Z13; \
	VSHUFF32X4 $0xdd, Z5, Z14, Z5; \
	VSHUFF32X4 $0x88, Z6, Z16, Z14; \
	VSHUFF32X4 $0xdd, Z6, Z16, Z6; \
	VSHUFF32X4 $0x88, Z8, Z0, Z16; \
	VSHUFF32X4 $0xdd, Z8, Z0, Z8; \
	VSHUFF32X4 $0x88, Z9, Z1, Z0; \
	VSHUFF32X4 $0xdd, Z9, Z1, Z9; \
	VSHUFF32X4 $0x88, Z10, Z2, Z1; \
	VSHUFF32X4 $0xdd, Z10, Z2, Z10; \
	VSHUFF32X4 $0x88, Z12, Z4, Z2; \
	VSHUFF32X4 $0xdd, Z12, Z4, Z12; \
	VSHUFF32X4 $0x88, Z15, Z7, Z4; \
	VSHUFF32X4 $0xdd, Z15, Z7, Z15

// COLUMNMASK leaves in K1 the columns that exist among the next 16 of CX.
#define COLUMNMASK \
	MOVQ CX, R8; \
	CMPQ R8, R9; \
	CMOVQGT R9, R8; \
	MOVL $1, AX; \
	SHLXL R8, AX, AX; \
	DECL AX; \
	KMOVW AX, K1

// ENTER loads a block of row i less the shift in Z31.
#define ENTER(i, z) \
	MOVQ ((i)*8)(SI), AX; \
	VMOVUPS.Z (AX)(DX*1), K1, z; \
	VSUBPS Z31, z, z

// LEAVE stores a column of a half panel and ends the block after R8 columns.
#define LEAVE(z, done) \
	VMOVUPS z, (R10); \
	ADDQ $128, R10; \
	DECQ R8; \
	JZ done

#define ENTER16(i) \
	ENTER(i+0, Z0); \
	ENTER(i+1, Z1); \
	ENTER(i+2, Z2); \
	ENTER(i+3, Z3); \
	ENTER(i+4, Z4); \
	ENTER(i+5, Z5); \
	ENTER(i+6, Z6); \
	ENTER(i+7, Z7); \
	ENTER(i+8, Z8); \
	ENTER(i+9, Z9); \
	ENTER(i+10, Z10); \
	ENTER(i+11, Z11); \
	ENTER(i+12, Z12); \
	ENTER(i+13, Z13); \
	ENTER(i+14, Z14); \
	ENTER(i+15, Z15)

#define LEAVE16(done) \
	LEAVE(Z11, done); \
	LEAVE(Z14, done); \
	LEAVE(Z13, done); \
	LEAVE(Z16, done); \
	LEAVE(Z0, done); \
	LEAVE(Z2, done); \
	LEAVE(Z1, done); \
	LEAVE(Z4, done); \
	LEAVE(Z3, done); \
	LEAVE(Z6, done); \
	LEAVE(Z5, done); \
	LEAVE(Z8, done); \
	LEAVE(Z9, done); \
	LEAVE(Z12, done); \
	LEAVE(Z10, done); \
	LEAVE(Z15, done)

// DIFFERENCE loads a block of t = x − c of pair i.
#define DIFFERENCE(i, z) \
	MOVQ ((i)*8)(SI), AX; \
	VMOVUPS.Z (AX)(DX*1), K1, z; \
	MOVQ ((i)*8)(DI), AX; \
	VSUBPS.Z (AX)(DX*1), z, K1, z

#define DIFFERENCE16(i) \
	DIFFERENCE(i+0, Z0); \
	DIFFERENCE(i+1, Z1); \
	DIFFERENCE(i+2, Z2); \
	DIFFERENCE(i+3, Z3); \
	DIFFERENCE(i+4, Z4); \
	DIFFERENCE(i+5, Z5); \
	DIFFERENCE(i+6, Z6); \
	DIFFERENCE(i+7, Z7); \
	DIFFERENCE(i+8, Z8); \
	DIFFERENCE(i+9, Z9); \
	DIFFERENCE(i+10, Z10); \
	DIFFERENCE(i+11, Z11); \
	DIFFERENCE(i+12, Z12); \
	DIFFERENCE(i+13, Z13); \
	DIFFERENCE(i+14, Z14); \
	DIFFERENCE(i+15, Z15)

// A step of the chains in acc; a missing column has t = 0 and changes nothing.
#define FUSEDPAIR(t, acc) \
	VFMADD231PS t, t, acc

#define SPLITPAIR(t, acc) \
	VMULPS t, t, t; \
	VADDPS t, acc, acc

#define ABSPAIR(t, acc) \
	VPANDD.BCST laneMagnitude<>(SB), t, t; \
	VADDPS t, acc, acc

#define CHAIN16(STEP, acc) \
	STEP(Z11, acc); \
	STEP(Z14, acc); \
	STEP(Z13, acc); \
	STEP(Z16, acc); \
	STEP(Z0, acc); \
	STEP(Z2, acc); \
	STEP(Z1, acc); \
	STEP(Z4, acc); \
	STEP(Z3, acc); \
	STEP(Z6, acc); \
	STEP(Z5, acc); \
	STEP(Z8, acc); \
	STEP(Z9, acc); \
	STEP(Z12, acc); \
	STEP(Z10, acc); \
	STEP(Z15, acc)

#define PAIRS(STEP) \
	BEGIN; \
	MOVQ kc+0(FP), CX; \
	MOVQ x+8(FP), SI; \
	MOVQ c+16(FP), DI; \
	MOVQ sums+24(FP), BX; \
	MOVQ $16, R9; \
	XORQ DX, DX; \
	VPXORD Z29, Z29, Z29; \
	VPXORD Z30, Z30, Z30; \
block: \
	COLUMNMASK; \
	DIFFERENCE16(0); \
	TRANSPOSE16; \
	CHAIN16(STEP, Z29); \
	DIFFERENCE16(16); \
	TRANSPOSE16; \
	CHAIN16(STEP, Z30); \
	ADDQ $64, DX; \
	SUBQ $16, CX; \
	JGT block; \
	VMOVUPS Z29, (BX); \
	VMOVUPS Z30, 64(BX); \
	END

// A row of a step: x is the group's element, Z16 and Z17 the panel's lanes;
// Z18..Z21 are scratch. The row registers walk the group: R9 is row 0, R8 the
// rows' distance, R10 row 3, R11 row 6.
#define PRODUCTFUSED(x, lo, hi) \
	VBROADCASTSS x, Z18; \
	VFMADD231PS Z16, Z18, lo; \
	VFMADD231PS Z17, Z18, hi

#define PRODUCTSPLIT(x, lo, hi) \
	VBROADCASTSS x, Z18; \
	VMULPS Z16, Z18, Z19; \
	VMULPS Z17, Z18, Z20; \
	VADDPS Z19, lo, lo; \
	VADDPS Z20, hi, hi

#define SQUAREFUSED(x, lo, hi) \
	VBROADCASTSS x, Z18; \
	VSUBPS Z16, Z18, Z19; \
	VSUBPS Z17, Z18, Z20; \
	VFMADD231PS Z19, Z19, lo; \
	VFMADD231PS Z20, Z20, hi

#define SQUARESPLIT(x, lo, hi) \
	VBROADCASTSS x, Z18; \
	VSUBPS Z16, Z18, Z19; \
	VSUBPS Z17, Z18, Z20; \
	VMULPS Z19, Z19, Z19; \
	VMULPS Z20, Z20, Z20; \
	VADDPS Z19, lo, lo; \
	VADDPS Z20, hi, hi

#define MAGNITUDE(x, lo, hi) \
	VBROADCASTSS x, Z18; \
	VSUBPS Z16, Z18, Z19; \
	VSUBPS Z17, Z18, Z20; \
	VPANDD Z21, Z19, Z19; \
	VPANDD Z21, Z20, Z20; \
	VADDPS Z19, lo, lo; \
	VADDPS Z20, hi, hi

#define STEP(ROW, s) \
	VMOVUPS (s*128)(DI), Z16; \
	VMOVUPS (s*128+64)(DI), Z17; \
	ROW((s*4)(R9), Z0, Z1); \
	ROW((s*4)(R9)(R8*1), Z2, Z3); \
	ROW((s*4)(R9)(R8*2), Z4, Z5); \
	ROW((s*4)(R10), Z6, Z7); \
	ROW((s*4)(R10)(R8*1), Z8, Z9); \
	ROW((s*4)(R10)(R8*2), Z10, Z11); \
	ROW((s*4)(R11), Z12, Z13); \
	ROW((s*4)(R11)(R8*1), Z14, Z15)

// CHAINS runs the tile's chains from +0 over CX ≥ 1 steps of the group at R9
// and the panel at DI, and brings the next group near, two lines in four steps.
#define CHAINS(ROW, four, rest, single, done) \
	VPXORD Z0, Z0, Z0; \
	VPXORD Z1, Z1, Z1; \
	VPXORD Z2, Z2, Z2; \
	VPXORD Z3, Z3, Z3; \
	VPXORD Z4, Z4, Z4; \
	VPXORD Z5, Z5, Z5; \
	VPXORD Z6, Z6, Z6; \
	VPXORD Z7, Z7, Z7; \
	VPXORD Z8, Z8, Z8; \
	VPXORD Z9, Z9, Z9; \
	VPXORD Z10, Z10, Z10; \
	VPXORD Z11, Z11, Z11; \
	VPXORD Z12, Z12, Z12; \
	VPXORD Z13, Z13, Z13; \
	VPXORD Z14, Z14, Z14; \
	VPXORD Z15, Z15, Z15; \
	VPBROADCASTD laneMagnitude<>(SB), Z21; \
	LEAQ (R8)(R8*2), R11; \
	LEAQ (R9)(R11*1), R10; \
	ADDQ R10, R11; \
	LEAQ (R9)(R8*8), AX; \
	SUBQ $4, CX; \
	JLT rest; \
four: \
	PREFETCHT0 (AX); \
	PREFETCHT0 64(AX); \
	ADDQ $128, AX; \
	STEP(ROW, 0); \
	STEP(ROW, 1); \
	STEP(ROW, 2); \
	STEP(ROW, 3); \
	ADDQ $512, DI; \
	ADDQ $16, R9; \
	ADDQ $16, R10; \
	ADDQ $16, R11; \
	SUBQ $4, CX; \
	JGE four; \
rest: \
	ADDQ $4, CX; \
	JZ done; \
single: \
	STEP(ROW, 0); \
	ADDQ $128, DI; \
	ADDQ $4, R9; \
	ADDQ $4, R10; \
	ADDQ $4, R11; \
	DECQ CX; \
	JNZ single; \
done:

#define TILE(ROW) \
	BEGIN; \
	MOVQ kc+0(FP), CX; \
	MOVQ panel+8(FP), DI; \
	MOVQ group+16(FP), R9; \
	MOVQ stride+24(FP), R8; \
	MOVQ out+32(FP), DX; \
	MOVQ outStride+40(FP), BX; \
	CHAINS(ROW, four, rest, single, done); \
	VMOVUPS Z0, (DX); \
	VMOVUPS Z1, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z2, (DX); \
	VMOVUPS Z3, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z4, (DX); \
	VMOVUPS Z5, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z6, (DX); \
	VMOVUPS Z7, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z8, (DX); \
	VMOVUPS Z9, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z10, (DX); \
	VMOVUPS Z11, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z12, (DX); \
	VMOVUPS Z13, 64(DX); \
	ADDQ BX, DX; \
	VMOVUPS Z14, (DX); \
	VMOVUPS Z15, 64(DX); \
	END

// The search keeps its leaders in registers: scores in Z24 and Z25, centres in
// Z26 and Z27. R12 walks ½c·c, R13 the centres' numbers.
//
// OFFER lets the earlier candidate lo (of the centres jlo) follow hi where hi
// is lower or a NaN and lo is none: predicate 7 is "ordered", 25 "not ≥, or
// unordered".
#define OFFER(hi, jhi, lo, jlo) \
	VCMPPS $7, lo, lo, K1; \
	VCMPPS $25, lo, hi, K1, K2; \
	VMOVAPS hi, K2, lo; \
	VMOVDQA32 jhi, K2, jlo

// FIRSTS is OFFER for neighbouring rows c and c+1 of the group, whose centres'
// numbers are read from memory.
#define FIRSTS(c, hi, lo, jlo) \
	VCMPPS $7, lo, lo, K1; \
	VCMPPS $25, lo, hi, K1, K2; \
	VMOVAPS hi, K2, lo; \
	VPBROADCASTD (c*4)(R13), jlo; \
	VPBROADCASTD (c*4+4)(R13), K2, jlo

#define SCORE(c, lo, hi) \
	VBROADCASTSS (c*4)(R12), Z28; \
	VSUBPS lo, Z28, lo; \
	VSUBPS hi, Z28, hi

#define SCORES \
	SCORE(0, Z0, Z1); \
	SCORE(1, Z2, Z3); \
	SCORE(2, Z4, Z5); \
	SCORE(3, Z6, Z7); \
	SCORE(4, Z8, Z9); \
	SCORE(5, Z10, Z11); \
	SCORE(6, Z12, Z13); \
	SCORE(7, Z14, Z15)

#define FOLLOW \
	FIRSTS(0, Z2, Z0, Z16); \
	FIRSTS(0, Z3, Z1, Z20); \
	FIRSTS(2, Z6, Z4, Z17); \
	FIRSTS(2, Z7, Z5, Z21); \
	FIRSTS(4, Z10, Z8, Z18); \
	FIRSTS(4, Z11, Z9, Z22); \
	FIRSTS(6, Z14, Z12, Z19); \
	FIRSTS(6, Z15, Z13, Z23); \
	OFFER(Z4, Z17, Z0, Z16); \
	OFFER(Z5, Z21, Z1, Z20); \
	OFFER(Z12, Z19, Z8, Z18); \
	OFFER(Z13, Z23, Z9, Z22); \
	OFFER(Z8, Z18, Z0, Z16); \
	OFFER(Z9, Z22, Z1, Z20); \
	OFFER(Z0, Z16, Z24, Z26); \
	OFFER(Z1, Z20, Z25, Z27)

#define NOSCORES

// SEARCH takes each panel of rows past all groups of centres, and with each
// group fetches some lines from R14 on. The fields of args are those of type
// hunt.
#define SEARCH(ROW, SCORES) \
	BEGIN; \
	MOVQ args+0(FP), AX; \
	MOVQ 8(AX), BX; \
	MOVQ 16(AX), R15; \
	MOVQ 56(AX), DX; \
	MOVQ 64(AX), R8; \
	MOVQ 72(AX), R14; \
panel: \
	VMOVUPS 0(DX), Z24; \
	VMOVUPS 64(DX), Z25; \
	VMOVUPS 128(DX), Z26; \
	VMOVUPS 192(DX), Z27; \
	MOVQ 24(AX), SI; \
	MOVQ 40(AX), R12; \
	MOVQ 48(AX), R13; \
	MOVQ 32(AX), R11; \
	MOVQ R11, left-16(SP); \
group: \
	MOVQ 80(AX), CX; \
	TESTQ CX, CX; \
	JZ fetched; \
fetch: \
	PREFETCHT1 (R14); \
	ADDQ $64, R14; \
	DECQ CX; \
	JNZ fetch; \
fetched: \
	MOVQ SI, R9; \
	MOVQ BX, DI; \
	MOVQ 0(AX), CX; \
	CHAINS(ROW, four, rest, single, done); \
	SCORES; \
	FOLLOW; \
	LEAQ (SI)(R8*8), SI; \
	ADDQ $32, R12; \
	ADDQ $32, R13; \
	MOVQ args+0(FP), AX; \
	DECQ left-16(SP); \
	JNZ group; \
	VMOVUPS Z24, 0(DX); \
	VMOVUPS Z25, 64(DX); \
	VMOVUPS Z26, 128(DX); \
	VMOVUPS Z27, 192(DX); \
	ADDQ $256, DX; \
	MOVQ 0(AX), CX; \
	SHLQ $7, CX; \
	ADDQ CX, BX; \
	DECQ R15; \
	JNZ panel; \
	END

// A search for more than one centre sifts stored tiles. SIFT leaves the scores
// of the lanes at SI, made of products where R8 is given.
#define SIFT(lo, hi, half, width, scored) \
	VMOVUPS (SI), lo; \
	VMOVUPS width(SI), hi; \
	TESTQ R8, R8; \
	JZ scored; \
	VBROADCASTSS (R8)(CX*4), half; \
	VSUBPS lo, half, lo; \
	VSUBPS hi, half, hi; \
	VMOVUPS lo, (SI); \
	VMOVUPS hi, width(SI); \
scored:

// PLACE lets the carried score and centre of 16 lanes take the place of those at
// offset from DI on where they come before, and carries the old ones on; once
// a lane has moved, all that follow in it move.
#define PLACE(offset, score, centre, moved) \
	VMOVUPS offset(DI), Z7; \
	VMOVDQU32 (offset+128)(DI), Z8; \
	VCMPPS $7, Z7, Z7, K1; \
	VCMPPS $25, Z7, score, K1, K1; \
	KORW K1, moved, moved; \
	VBLENDMPS score, Z7, moved, Z9; \
	VPBLENDMD centre, Z8, moved, Z10; \
	VMOVAPS Z7, moved, score; \
	VMOVDQA32 Z8, moved, centre; \
	VMOVUPS Z9, offset(DI); \
	VMOVDQU32 Z10, (offset+128)(DI)

// func packLanes512(dst *float32, rows *rowTable, d int, shift *float32)
TEXT ·packLanes512(SB), NOSPLIT, $8-32
	BEGIN
	MOVQ dst+0(FP), DI
	MOVQ rows+8(FP), SI
	MOVQ d+16(FP), CX
	MOVQ shift+24(FP), BX
	MOVQ $16, R9
	XORQ DX, DX

block:
	COLUMNMASK
	VMOVUPS.Z (BX)(DX*1), K1, Z31
	ENTER16(0)
	TRANSPOSE16
	MOVQ DI, R10
	MOVQ R8, R11
	LEAVE16(second)

second:
	ENTER16(16)
	TRANSPOSE16
	LEAQ 64(DI), R10
	MOVQ R11, R8
	LEAVE16(next)

next:
	ADDQ $64, DX
	ADDQ $2048, DI
	SUBQ $16, CX
	JGT block
	END

// func pairsFused512(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsFused512(SB), NOSPLIT, $8-32
	PAIRS(FUSEDPAIR)

// func pairsSplit512(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsSplit512(SB), NOSPLIT, $8-32
	PAIRS(SPLITPAIR)

// func pairsAbs512(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsAbs512(SB), NOSPLIT, $8-32
	PAIRS(ABSPAIR)

// func tileProductFused512(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileProductFused512(SB), NOSPLIT, $8-48
	TILE(PRODUCTFUSED)

// func tileProductSplit512(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileProductSplit512(SB), NOSPLIT, $8-48
	TILE(PRODUCTSPLIT)

// func tileSquareFused512(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileSquareFused512(SB), NOSPLIT, $8-48
	TILE(SQUAREFUSED)

// func tileSquareSplit512(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileSquareSplit512(SB), NOSPLIT, $8-48
	TILE(SQUARESPLIT)

// func tileAbs512(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileAbs512(SB), NOSPLIT, $8-48
	TILE(MAGNITUDE)

// func searchFused512(args *hunt)
TEXT ·searchFused512(SB), NOSPLIT, $16-8
	SEARCH(PRODUCTFUSED, SCORES)

// func searchSplit512(args *hunt)
TEXT ·searchSplit512(SB), NOSPLIT, $16-8
	SEARCH(PRODUCTSPLIT, SCORES)

// func searchAbs512(args *hunt)
TEXT ·searchAbs512(SB), NOSPLIT, $16-8
	SEARCH(MAGNITUDE, NOSCORES)

// func sift512(scores, half *float32, threshold *[maxLanes]float32, from, to int) (j int, mask uint32)
TEXT ·sift512(SB), NOSPLIT, $8-52
	BEGIN
	MOVQ scores+0(FP), SI
	MOVQ half+8(FP), R8
	MOVQ threshold+16(FP), DI
	MOVQ from+24(FP), CX
	MOVQ to+32(FP), DX
	MOVQ CX, AX
	SHLQ $7, AX
	ADDQ AX, SI
	VMOVUPS (DI), Z0
	VMOVUPS 64(DI), Z1
	VCMPPS $7, Z0, Z0, K1
	VCMPPS $7, Z1, Z1, K2
	XORL AX, AX

row:
	SIFT(Z2, Z3, Z4, 64, scored)
	VCMPPS $25, Z0, Z2, K1, K3
	VCMPPS $25, Z1, Z3, K2, K4
	KORTESTW K3, K4
	JNZ found
	ADDQ $128, SI
	INCQ CX
	CMPQ CX, DX
	JLT row
	JMP done

found:
	KUNPCKWD K3, K4, K4
	KMOVD K4, AX

done:
	MOVQ CX, j+40(FP)
	MOVL AX, mask+48(FP)
	END

// func first512(scores, half *float32, list *int32, m, k int)
TEXT ·first512(SB), NOSPLIT, $8-40
	BEGIN
	MOVQ scores+0(FP), SI
	MOVQ half+8(FP), R8
	MOVQ list+16(FP), R9
	MOVQ m+24(FP), R10
	MOVQ k+32(FP), DX
	MOVQ R10, R11
	DECQ R11
	SHLQ $8, R11
	ADDQ R9, R11
	XORL CX, CX

row:
	SIFT(Z2, Z3, Z4, 64, scored)
	MOVQ CX, BX
	CMPQ CX, R10
	JLT insert
	VMOVUPS (R11), Z0
	VMOVUPS 64(R11), Z1
	VCMPPS $7, Z0, Z0, K1
	VCMPPS $7, Z1, Z1, K2
	VCMPPS $25, Z0, Z2, K1, K3
	VCMPPS $25, Z1, Z3, K2, K4
	KORTESTW K3, K4
	JZ next
	MOVQ R10, BX

insert:
	VPBROADCASTD CX, Z5
	VMOVDQA32 Z5, Z6
	KXORW K5, K5, K5
	KXORW K6, K6, K6
	MOVQ R9, DI
	MOVQ BX, AX
	TESTQ AX, AX
	JZ append

place:
	PLACE(0, Z2, Z5, K5)
	PLACE(64, Z3, Z6, K6)
	ADDQ $256, DI
	DECQ AX
	JNZ place

append:
	CMPQ BX, R10
	JGE next
	VMOVUPS Z2, (DI)
	VMOVUPS Z3, 64(DI)
	VMOVDQU32 Z5, 128(DI)
	VMOVDQU32 Z6, 192(DI)

next:
	ADDQ $128, SI
	INCQ CX
	CMPQ CX, DX
	JLT row
	END

// func fetchLines(p *float32, lines int)
TEXT ·fetchLines(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ lines+8(FP), CX

line:
	PREFETCHT1 (SI)
	ADDQ $64, SI
	DECQ CX
	JNZ line
	RET
