//go:build gl && cgo

package gpu

/*
#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>

// The control half of MXCSR: rounding, flush-to-zero, denormals-are-zero and the exception masks.
static unsigned fpControl(void) { return _mm_getcsr() & ~0x3fu; }
static void fpSetControl(unsigned c) { _mm_setcsr(c); }

static void fpRestore(void) {
	unsigned short cw = 0x037f; // x87: extended precision, nearest even, all exceptions masked
	_mm_setcsr(0x1f80);         // SSE: nearest even, no flushing, all exceptions masked
	__asm__ volatile("fldcw %0" : : "m"(cw));
}
#elif defined(__aarch64__)
static unsigned fpControl(void) { unsigned long long c; __asm__ volatile("mrs %0, fpcr" : "=r"(c)); return (unsigned)c; }
static void fpSetControl(unsigned v) { unsigned long long c = v; __asm__ volatile("msr fpcr, %0" : : "r"(c)); }
static void fpRestore(void) { fpSetControl(0); }
#else
static unsigned fpControl(void) { return 0; }
static void fpSetControl(unsigned c) { (void)c; }
static void fpRestore(void) {}
#endif

#if defined(__x86_64__) || defined(__i386__)
enum { fpDefault = 0x1f80, fpFlushing = 0x9fc0 };
#elif defined(__aarch64__)
enum { fpDefault = 0, fpFlushing = 1 << 24 };
#else
enum { fpDefault = 0, fpFlushing = 0 };
#endif
*/
import "C"

// restoreFloatState sets the calling thread's floating-point control to what Go code expects: round to nearest even,
// subnormals kept, no traps. A library built for fast arithmetic switches flushing on in the thread that loads it, and
// drivers load libraries at context creation and at a first compilation.
func restoreFloatState() { C.fpRestore() }

// floatControl reads the calling thread's floating-point control register, less its sticky exception flags.
func floatControl() uint32 { return uint32(C.fpControl()) }

// setFloatControl writes it.
func setFloatControl(c uint32) { C.fpSetControl(C.uint(c)) }

const (
	floatControlDefault  = uint32(C.fpDefault)  // what restoreFloatState sets
	floatControlFlushing = uint32(C.fpFlushing) // with flush-to-zero (and, on x86, denormals-are-zero) switched on
)
