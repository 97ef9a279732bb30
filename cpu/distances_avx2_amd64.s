#include "textflag.h"

// The kernels of the distance family with AVX2 and FMA. A panel holds 16 rows
// in lanes: element (k, lane) at k·16 + lane; a group is 6 rows read where they
// stand. A tile is 6×16 chains, Y0..Y11, two registers a row of the group.
//
// MXCSR is saved, set to its default and restored, because a library in the
// same thread may have switched flushing of subnormals on.

DATA laneMXCSR<>+0(SB)/4, $0x1f80
GLOBL laneMXCSR<>(SB), RODATA|NOPTR, $4

DATA laneMagnitude<>+0(SB)/8, $0x7fffffff7fffffff
DATA laneMagnitude<>+8(SB)/8, $0x7fffffff7fffffff
DATA laneMagnitude<>+16(SB)/8, $0x7fffffff7fffffff
DATA laneMagnitude<>+24(SB)/8, $0x7fffffff7fffffff
GLOBL laneMagnitude<>(SB), RODATA|NOPTR, $32

// Eight ones and eight zeros: from 32 − 4·c on, a mask of c columns.
DATA laneColumns<>+0(SB)/8, $0xffffffffffffffff
DATA laneColumns<>+8(SB)/8, $0xffffffffffffffff
DATA laneColumns<>+16(SB)/8, $0xffffffffffffffff
DATA laneColumns<>+24(SB)/8, $0xffffffffffffffff
DATA laneColumns<>+32(SB)/8, $0
DATA laneColumns<>+40(SB)/8, $0
DATA laneColumns<>+48(SB)/8, $0
DATA laneColumns<>+56(SB)/8, $0
GLOBL laneColumns<>(SB), RODATA|NOPTR, $64

#define BEGIN \
	STMXCSR saved-8(SP); \
	LDMXCSR laneMXCSR<>(SB)

#define END \
	VZEROUPPER; \
	LDMXCSR saved-8(SP); \
	RET

// TRANSPOSE8 turns 8 rows in Y0..Y7 into 8 columns; Y8 is the spare. Columns 0
// to 7 then stand in Y5, Y8, Y6, Y0, Y1, Y4, Y2 and Y7, and Y3 is free.
#define TRANSPOSE8 \
	VUNPCKLPS Y1, Y0, Y8; \
	VUNPCKHPS Y1, Y0, Y1; \
	VUNPCKLPS Y3, Y2, Y0; \
	VUNPCKHPS Y3, Y2, Y3; \
	VUNPCKLPS Y5, Y4, Y2; \
	VUNPCKHPS Y5, Y4, Y5; \
	VUNPCKLPS Y7, Y6, Y4; \
	VUNPCKHPS Y7, Y6, Y7; \
	VUNPCKLPD Y0, Y8, Y6; \
	VUNPCKHPD Y0, Y8, Y0; \
	VUNPCKLPD Y3, Y1, Y8; \
	VUNPCKHPD Y3, Y1, Y3; \
	VUNPCKLPD Y4, Y2, Y1; \
	VUNPCKHPD Y4, Y2, Y4; \
	VUNPCKLPD Y7, Y5, Y2; \
	VUNPCKHPD Y7, Y5, Y7; \
	VPERM2F128 $0x20, Y1, Y6, Y5; \
	VPERM2F128 $0x31, Y1, Y6, Y1; \
	VPERM2F128 $0x20, Y2, Y8, Y6; \
	VPERM2F128 $0x31, Y2, Y8, Y2; \
	VPERM2F128 $0x20, Y4, Y0, Y8; \
	VPERM2F128 $0x31, Y4, Y0, Y4; \
	VPERM2F128 $0x20, Y7, Y3, Y0; \
	VPERM2F128 $0x31, Y7, Y3, Y7

// COLUMNMASK leaves in Y9 the columns that exist among the next 8 of CX, and
// their number in R8.
#define COLUMNMASK \
	MOVQ CX, R8; \
	CMPQ R8, R9; \
	CMOVQGT R9, R8; \
	LEAQ laneColumns<>+32(SB), AX; \
	MOVQ R8, R10; \
	NEGQ R10; \
	VMOVUPS (AX)(R10*4), Y9

// ENTER loads a block of row i less the shift in Y10.
#define ENTER(i, y) \
	MOVQ ((i)*8)(SI), AX; \
	VMASKMOVPS (AX)(DX*1), Y9, y; \
	VSUBPS Y10, y, y

// LEAVE stores a column of a half panel and ends the block after R8 columns.
#define LEAVE(y, done) \
	VMOVUPS y, (R10); \
	ADDQ $64, R10; \
	DECQ R8; \
	JZ done

#define ENTER8(i) \
	ENTER(i+0, Y0); \
	ENTER(i+1, Y1); \
	ENTER(i+2, Y2); \
	ENTER(i+3, Y3); \
	ENTER(i+4, Y4); \
	ENTER(i+5, Y5); \
	ENTER(i+6, Y6); \
	ENTER(i+7, Y7)

#define LEAVE8(done) \
	LEAVE(Y5, done); \
	LEAVE(Y8, done); \
	LEAVE(Y6, done); \
	LEAVE(Y0, done); \
	LEAVE(Y1, done); \
	LEAVE(Y4, done); \
	LEAVE(Y2, done); \
	LEAVE(Y7, done)

// DIFFERENCE loads a block of t = x − c of pair i.
#define DIFFERENCE(i, y) \
	MOVQ ((i)*8)(SI), AX; \
	VMASKMOVPS (AX)(DX*1), Y9, y; \
	MOVQ ((i)*8)(DI), AX; \
	VMASKMOVPS (AX)(DX*1), Y9, Y10; \
	VSUBPS Y10, y, y

#define DIFFERENCE8(i) \
	DIFFERENCE(i+0, Y0); \
	DIFFERENCE(i+1, Y1); \
	DIFFERENCE(i+2, Y2); \
	DIFFERENCE(i+3, Y3); \
	DIFFERENCE(i+4, Y4); \
	DIFFERENCE(i+5, Y5); \
	DIFFERENCE(i+6, Y6); \
	DIFFERENCE(i+7, Y7)

// A step of the chains in acc; a missing column has t = 0 and changes nothing.
#define FUSEDPAIR(t, acc) \
	VFMADD231PS t, t, acc

#define SPLITPAIR(t, acc) \
	VMULPS t, t, t; \
	VADDPS t, acc, acc

#define ABSPAIR(t, acc) \
	VANDPS Y13, t, t; \
	VADDPS t, acc, acc

#define CHAIN8(STEP, acc) \
	STEP(Y5, acc); \
	STEP(Y8, acc); \
	STEP(Y6, acc); \
	STEP(Y0, acc); \
	STEP(Y1, acc); \
	STEP(Y4, acc); \
	STEP(Y2, acc); \
	STEP(Y7, acc)

#define PAIRS(STEP) \
	BEGIN; \
	MOVQ kc+0(FP), CX; \
	MOVQ x+8(FP), SI; \
	MOVQ c+16(FP), DI; \
	MOVQ sums+24(FP), BX; \
	MOVQ $8, R9; \
	XORQ DX, DX; \
	VMOVUPS laneMagnitude<>(SB), Y13; \
	VXORPS Y11, Y11, Y11; \
	VXORPS Y12, Y12, Y12; \
block: \
	COLUMNMASK; \
	DIFFERENCE8(0); \
	TRANSPOSE8; \
	CHAIN8(STEP, Y11); \
	DIFFERENCE8(8); \
	TRANSPOSE8; \
	CHAIN8(STEP, Y12); \
	ADDQ $32, DX; \
	SUBQ $8, CX; \
	JGT block; \
	VMOVUPS Y11, (BX); \
	VMOVUPS Y12, 32(BX); \
	END

// A row of a step: x is the group's element, Y12 and Y13 the panel's lanes; Y14
// and Y15 are scratch. The row registers walk the group: R9 is row 0, R8 the
// rows' distance, R10 row 3.
#define PRODUCTFUSED(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VFMADD231PS Y12, Y14, lo; \
	VFMADD231PS Y13, Y14, hi

#define PRODUCTSPLIT(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VMULPS Y12, Y14, Y15; \
	VMULPS Y13, Y14, Y14; \
	VADDPS Y15, lo, lo; \
	VADDPS Y14, hi, hi

#define SQUAREFUSED(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VSUBPS Y12, Y14, Y15; \
	VSUBPS Y13, Y14, Y14; \
	VFMADD231PS Y15, Y15, lo; \
	VFMADD231PS Y14, Y14, hi

#define SQUARESPLIT(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VSUBPS Y12, Y14, Y15; \
	VSUBPS Y13, Y14, Y14; \
	VMULPS Y15, Y15, Y15; \
	VMULPS Y14, Y14, Y14; \
	VADDPS Y15, lo, lo; \
	VADDPS Y14, hi, hi

#define MAGNITUDE(x, lo, hi) \
	VBROADCASTSS x, Y14; \
	VSUBPS Y12, Y14, Y15; \
	VSUBPS Y13, Y14, Y14; \
	VANDPS laneMagnitude<>(SB), Y15, Y15; \
	VANDPS laneMagnitude<>(SB), Y14, Y14; \
	VADDPS Y15, lo, lo; \
	VADDPS Y14, hi, hi

#define STEP(ROW, s) \
	VMOVUPS (s*64)(DI), Y12; \
	VMOVUPS (s*64+32)(DI), Y13; \
	ROW((s*4)(R9), Y0, Y1); \
	ROW((s*4)(R9)(R8*1), Y2, Y3); \
	ROW((s*4)(R9)(R8*2), Y4, Y5); \
	ROW((s*4)(R10), Y6, Y7); \
	ROW((s*4)(R10)(R8*1), Y8, Y9); \
	ROW((s*4)(R10)(R8*2), Y10, Y11)

// CHAINS runs the tile's chains from +0 over CX ≥ 1 steps of the group at R9
// and the panel at DI.
#define CHAINS(ROW, four, rest, single, done) \
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
	VXORPS Y11, Y11, Y11; \
	LEAQ (R8)(R8*2), R10; \
	ADDQ R9, R10; \
	SUBQ $4, CX; \
	JLT rest; \
four: \
	STEP(ROW, 0); \
	STEP(ROW, 1); \
	STEP(ROW, 2); \
	STEP(ROW, 3); \
	ADDQ $256, DI; \
	ADDQ $16, R9; \
	ADDQ $16, R10; \
	SUBQ $4, CX; \
	JGE four; \
rest: \
	ADDQ $4, CX; \
	JZ done; \
single: \
	STEP(ROW, 0); \
	ADDQ $64, DI; \
	ADDQ $4, R9; \
	ADDQ $4, R10; \
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
	VMOVUPS Y0, (DX); \
	VMOVUPS Y1, 32(DX); \
	ADDQ BX, DX; \
	VMOVUPS Y2, (DX); \
	VMOVUPS Y3, 32(DX); \
	ADDQ BX, DX; \
	VMOVUPS Y4, (DX); \
	VMOVUPS Y5, 32(DX); \
	ADDQ BX, DX; \
	VMOVUPS Y6, (DX); \
	VMOVUPS Y7, 32(DX); \
	ADDQ BX, DX; \
	VMOVUPS Y8, (DX); \
	VMOVUPS Y9, 32(DX); \
	ADDQ BX, DX; \
	VMOVUPS Y10, (DX); \
	VMOVUPS Y11, 32(DX); \
	END

// The leaders of a panel stand in memory at DX, 16 scores and then 16 centres.
// R12 walks ½c·c, R13 the centres' numbers.
//
// OFFER lets the earlier candidate lo (of the centres jlo) follow hi where hi
// is lower or a NaN and lo is none: predicate 7 is "ordered", 25 "not ≥, or
// unordered". It uses Y14 and Y15.
#define OFFER(hi, jhi, lo, jlo) \
	VCMPPS $7, lo, lo, Y14; \
	VCMPPS $25, lo, hi, Y15; \
	VANDPS Y14, Y15, Y15; \
	VBLENDVPS Y15, hi, lo, lo; \
	VBLENDVPS Y15, jhi, jlo, jlo

// FIRSTS is OFFER for neighbouring rows c and c+1 of the group, whose centres'
// numbers are read from memory; hi's register becomes jlo.
#define FIRSTS(c, hi, lo) \
	VCMPPS $7, lo, lo, Y14; \
	VCMPPS $25, lo, hi, Y15; \
	VANDPS Y14, Y15, Y15; \
	VBLENDVPS Y15, hi, lo, lo; \
	VPBROADCASTD (c*4)(R13), hi; \
	VPBROADCASTD (c*4+4)(R13), Y14; \
	VBLENDVPS Y15, Y14, hi, hi

#define SCORE(c, lo, hi) \
	VBROADCASTSS (c*4)(R12), Y14; \
	VSUBPS lo, Y14, lo; \
	VSUBPS hi, Y14, hi

#define SCORES \
	SCORE(0, Y0, Y1); \
	SCORE(1, Y2, Y3); \
	SCORE(2, Y4, Y5); \
	SCORE(3, Y6, Y7); \
	SCORE(4, Y8, Y9); \
	SCORE(5, Y10, Y11)

#define FOLLOW \
	FIRSTS(0, Y2, Y0); \
	FIRSTS(0, Y3, Y1); \
	FIRSTS(2, Y6, Y4); \
	FIRSTS(2, Y7, Y5); \
	FIRSTS(4, Y10, Y8); \
	FIRSTS(4, Y11, Y9); \
	OFFER(Y4, Y6, Y0, Y2); \
	OFFER(Y5, Y7, Y1, Y3); \
	VMOVUPS 0(DX), Y12; \
	VMOVUPS 32(DX), Y13; \
	OFFER(Y8, Y10, Y0, Y2); \
	OFFER(Y9, Y11, Y1, Y3); \
	VMOVUPS 64(DX), Y4; \
	VMOVUPS 96(DX), Y5; \
	OFFER(Y0, Y2, Y12, Y4); \
	OFFER(Y1, Y3, Y13, Y5); \
	VMOVUPS Y12, 0(DX); \
	VMOVUPS Y13, 32(DX); \
	VMOVUPS Y4, 64(DX); \
	VMOVUPS Y5, 96(DX)

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
	MOVQ 24(AX), SI; \
	MOVQ 40(AX), R12; \
	MOVQ 48(AX), R13; \
	MOVQ 32(AX), R11; \
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
	LEAQ (SI)(R8*4), SI; \
	LEAQ (SI)(R8*2), SI; \
	ADDQ $24, R12; \
	ADDQ $24, R13; \
	DECQ R11; \
	JNZ group; \
	ADDQ $128, DX; \
	MOVQ 0(AX), CX; \
	SHLQ $6, CX; \
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

// PLACE lets the carried score and centre of 8 lanes take the place of those at
// offset from DI on where they come before, and carries the old ones on; once
// a lane has moved, all that follow in it move.
#define PLACE(offset, score, centre, moved) \
	VMOVUPS offset(DI), Y7; \
	VMOVUPS (offset+64)(DI), Y8; \
	VCMPPS $7, Y7, Y7, Y9; \
	VCMPPS $25, Y7, score, Y10; \
	VANDPS Y9, Y10, Y10; \
	VORPS Y10, moved, moved; \
	VBLENDVPS moved, score, Y7, Y9; \
	VBLENDVPS moved, centre, Y8, Y10; \
	VBLENDVPS moved, Y7, score, score; \
	VBLENDVPS moved, Y8, centre, centre; \
	VMOVUPS Y9, offset(DI); \
	VMOVUPS Y10, (offset+64)(DI)

// func packLanes256(dst *float32, rows *rowTable, d int, shift *float32)
TEXT ·packLanes256(SB), NOSPLIT, $8-32
	BEGIN
	MOVQ dst+0(FP), DI
	MOVQ rows+8(FP), SI
	MOVQ d+16(FP), CX
	MOVQ shift+24(FP), BX
	MOVQ $8, R9
	XORQ DX, DX

block:
	COLUMNMASK
	VMASKMOVPS (BX)(DX*1), Y9, Y10
	ENTER8(0)
	TRANSPOSE8
	MOVQ DI, R10
	MOVQ R8, R11
	LEAVE8(second)

second:
	ENTER8(8)
	TRANSPOSE8
	LEAQ 32(DI), R10
	MOVQ R11, R8
	LEAVE8(next)

next:
	ADDQ $32, DX
	ADDQ $512, DI
	SUBQ $8, CX
	JGT block
	END

// func pairsFused256(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsFused256(SB), NOSPLIT, $8-32
	PAIRS(FUSEDPAIR)

// func pairsSplit256(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsSplit256(SB), NOSPLIT, $8-32
	PAIRS(SPLITPAIR)

// func pairsAbs256(kc int, x, c *rowTable, sums *[maxLanes]float32)
TEXT ·pairsAbs256(SB), NOSPLIT, $8-32
	PAIRS(ABSPAIR)

// func tileProductFused256(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileProductFused256(SB), NOSPLIT, $8-48
	TILE(PRODUCTFUSED)

// func tileProductSplit256(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileProductSplit256(SB), NOSPLIT, $8-48
	TILE(PRODUCTSPLIT)

// func tileSquareFused256(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileSquareFused256(SB), NOSPLIT, $8-48
	TILE(SQUAREFUSED)

// func tileSquareSplit256(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileSquareSplit256(SB), NOSPLIT, $8-48
	TILE(SQUARESPLIT)

// func tileAbs256(kc int, panel, group *float32, stride int, out *float32, outStride int)
TEXT ·tileAbs256(SB), NOSPLIT, $8-48
	TILE(MAGNITUDE)

// func searchFused256(args *hunt)
TEXT ·searchFused256(SB), NOSPLIT, $8-8
	SEARCH(PRODUCTFUSED, SCORES)

// func searchSplit256(args *hunt)
TEXT ·searchSplit256(SB), NOSPLIT, $8-8
	SEARCH(PRODUCTSPLIT, SCORES)

// func searchAbs256(args *hunt)
TEXT ·searchAbs256(SB), NOSPLIT, $8-8
	SEARCH(MAGNITUDE, NOSCORES)

// func sift256(scores, half *float32, threshold *[maxLanes]float32, from, to int) (j int, mask uint32)
TEXT ·sift256(SB), NOSPLIT, $8-52
	BEGIN
	MOVQ scores+0(FP), SI
	MOVQ half+8(FP), R8
	MOVQ threshold+16(FP), DI
	MOVQ from+24(FP), CX
	MOVQ to+32(FP), DX
	MOVQ CX, AX
	SHLQ $6, AX
	ADDQ AX, SI
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VCMPPS $7, Y0, Y0, Y6
	VCMPPS $7, Y1, Y1, Y7

row:
	SIFT(Y2, Y3, Y4, 32, scored)
	VCMPPS $25, Y0, Y2, Y2
	VCMPPS $25, Y1, Y3, Y3
	VANDPS Y6, Y2, Y2
	VANDPS Y7, Y3, Y3
	VMOVMSKPS Y2, AX
	VMOVMSKPS Y3, BX
	SHLL $8, BX
	ORL BX, AX
	JNZ found
	ADDQ $64, SI
	INCQ CX
	CMPQ CX, DX
	JLT row

found:
	MOVQ CX, j+40(FP)
	MOVL AX, mask+48(FP)
	END

// func first256(scores, half *float32, list *int32, m, k int)
TEXT ·first256(SB), NOSPLIT, $8-40
	BEGIN
	MOVQ scores+0(FP), SI
	MOVQ half+8(FP), R8
	MOVQ list+16(FP), R9
	MOVQ m+24(FP), R10
	MOVQ k+32(FP), DX
	MOVQ R10, R11
	DECQ R11
	SHLQ $7, R11
	ADDQ R9, R11
	XORL CX, CX

row:
	SIFT(Y2, Y3, Y4, 32, scored)
	MOVQ CX, BX
	CMPQ CX, R10
	JLT insert
	VMOVUPS (R11), Y0
	VMOVUPS 32(R11), Y1
	VCMPPS $7, Y0, Y0, Y9
	VCMPPS $7, Y1, Y1, Y10
	VCMPPS $25, Y0, Y2, Y0
	VCMPPS $25, Y1, Y3, Y1
	VANDPS Y9, Y0, Y0
	VANDPS Y10, Y1, Y1
	VORPS Y0, Y1, Y0
	VMOVMSKPS Y0, AX
	TESTL AX, AX
	JZ next
	MOVQ R10, BX

insert:
	VMOVQ CX, X5
	VPBROADCASTD X5, Y5
	VMOVAPS Y5, Y6
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	MOVQ R9, DI
	MOVQ BX, AX
	TESTQ AX, AX
	JZ append

place:
	PLACE(0, Y2, Y5, Y12)
	PLACE(32, Y3, Y6, Y13)
	ADDQ $128, DI
	DECQ AX
	JNZ place

append:
	CMPQ BX, R10
	JGE next
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	VMOVUPS Y5, 64(DI)
	VMOVUPS Y6, 96(DI)

next:
	ADDQ $64, SI
	INCQ CX
	CMPQ CX, DX
	JLT row
	END
