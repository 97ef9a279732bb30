#include "textflag.h"

// func controlWord() uint32
TEXT ·controlWord(SB), NOSPLIT, $0-4
	STMXCSR ret+0(FP)
	RET
