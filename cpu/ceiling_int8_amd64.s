#include "textflag.h"

// int8 multiply-adds that never leave the registers, as ceiling_amd64.s has
// them for float32: 24 independent chains with AVX-512, else 12.

// func int8AVX512VNNI(steps int)
TEXT ·int8AVX512VNNI(SB), NOSPLIT, $0-8
	MOVQ steps+0(FP), CX
	VZEROALL // and with it the upper parts of Z0 to Z15
	VPXORD Z16, Z16, Z16
	VPXORD Z17, Z17, Z17
	VPXORD Z18, Z18, Z18
	VPXORD Z19, Z19, Z19
	VPXORD Z20, Z20, Z20
	VPXORD Z21, Z21, Z21
	VPXORD Z22, Z22, Z22
	VPXORD Z23, Z23, Z23
	VPXORD Z24, Z24, Z24
	VPXORD Z25, Z25, Z25
	TESTQ CX, CX
	JLE int8512done

int8512loop:
	VPDPBUSD Z24, Z25, Z0
	VPDPBUSD Z24, Z25, Z1
	VPDPBUSD Z24, Z25, Z2
	VPDPBUSD Z24, Z25, Z3
	VPDPBUSD Z24, Z25, Z4
	VPDPBUSD Z24, Z25, Z5
	VPDPBUSD Z24, Z25, Z6
	VPDPBUSD Z24, Z25, Z7
	VPDPBUSD Z24, Z25, Z8
	VPDPBUSD Z24, Z25, Z9
	VPDPBUSD Z24, Z25, Z10
	VPDPBUSD Z24, Z25, Z11
	VPDPBUSD Z24, Z25, Z12
	VPDPBUSD Z24, Z25, Z13
	VPDPBUSD Z24, Z25, Z14
	VPDPBUSD Z24, Z25, Z15
	VPDPBUSD Z24, Z25, Z16
	VPDPBUSD Z24, Z25, Z17
	VPDPBUSD Z24, Z25, Z18
	VPDPBUSD Z24, Z25, Z19
	VPDPBUSD Z24, Z25, Z20
	VPDPBUSD Z24, Z25, Z21
	VPDPBUSD Z24, Z25, Z22
	VPDPBUSD Z24, Z25, Z23
	DECQ CX
	JNZ int8512loop

int8512done:
	VZEROUPPER
	RET

// VNNILO and VNNIHI are VPDPBUSD Y12, Y13, Yn in the VEX encoding of AVX-VNNI,
// which the assembler lacks, for n = 0 to 7 and for n = 8 + r.
#define VNNILO(n) BYTE $0xC4; BYTE $0xC2; BYTE $0x15; BYTE $0x50; BYTE $(0xC4+8*n)
#define VNNIHI(r) BYTE $0xC4; BYTE $0x42; BYTE $0x15; BYTE $0x50; BYTE $(0xC4+8*r)

// func int8AVXVNNI(steps int)
TEXT ·int8AVXVNNI(SB), NOSPLIT, $0-8
	MOVQ steps+0(FP), CX
	VZEROALL
	TESTQ CX, CX
	JLE int8vnnidone

int8vnniloop:
	VNNILO(0)
	VNNILO(1)
	VNNILO(2)
	VNNILO(3)
	VNNILO(4)
	VNNILO(5)
	VNNILO(6)
	VNNILO(7)
	VNNIHI(0)
	VNNIHI(1)
	VNNIHI(2)
	VNNIHI(3)
	DECQ CX
	JNZ int8vnniloop

int8vnnidone:
	VZEROUPPER
	RET

// PAIR adds the products of pairs of int16 to the sums of n; AVX2 has no
// instruction that does both.
#define PAIR(n) VPMADDWD Y12, Y13, Y14; VPADDD Y14, n, n

// func int8AVX2(steps int)
TEXT ·int8AVX2(SB), NOSPLIT, $0-8
	MOVQ steps+0(FP), CX
	VZEROALL
	TESTQ CX, CX
	JLE int8avx2done

int8avx2loop:
	PAIR(Y0)
	PAIR(Y1)
	PAIR(Y2)
	PAIR(Y3)
	PAIR(Y4)
	PAIR(Y5)
	PAIR(Y6)
	PAIR(Y7)
	PAIR(Y8)
	PAIR(Y9)
	PAIR(Y10)
	PAIR(Y11)
	DECQ CX
	JNZ int8avx2loop

int8avx2done:
	VZEROUPPER
	RET
