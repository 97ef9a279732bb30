package glsl

import (
	"strings"
	"testing"
)

const frame = `#version 430 core
#define LANES 64u
#ifdef NEVER
#error "no"
#endif
layout(local_size_x = 64) in;
layout(std430, binding = 0) buffer Y { float y[]; };
shared float sums[LANES];
shared vec2 tile[LANES * 4u], one;
void sync() {
	memoryBarrierShared();
	barrier();
}
`

func TestBarriers(t *testing.T) {
	for _, c := range []struct {
		name, body, want string // want: a part of the one complaint, empty for none
	}{
		{"a read after a write", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0; y[l] = sums[0];`, "sums[l] and sums[0]"},
		{"with a barrier", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0; sync(); y[l] = sums[0];`, ""},
		{"with a barrier that makes nothing visible", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0; barrier(); y[l] = sums[0];`, "sums[l] and sums[0]"},
		{"what is its own", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0; sums[l] += sums[l];`, ""},
		{"own columns", `uint l = gl_LocalInvocationID.x; for (uint g = 0u; g < 4u; g++) tile[g * LANES + l] = vec2(0.0); y[l] = tile[l].x;`, ""},
		{"a variable of that name", `uint l = 0u; sums[gl_LocalInvocationID.x] = 1.0; y[l] = sums[l];`, "sums[gl_LocalInvocationID.x] and sums[l]"},
		{"a tree", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0;
			for (uint s = LANES / 2u; s > 0u; s >>= 1) { sync(); if (l < s) sums[l] = sums[l] + sums[l + s]; }
			sync(); y[l] = sums[0];`, ""},
		{"a tree without its barrier", `uint l = gl_LocalInvocationID.x; sums[l] = 1.0; sync();
			for (uint s = LANES / 2u; s > 0u; s >>= 1) { if (l < s) sums[l] = sums[l] + sums[l + s]; }`, "sums[l] and sums[l+s]"},
		{"a tile filled again", `uint l = gl_LocalInvocationID.x;
			for (uint k = 0u; k < 9u; k++) { tile[k + l * 2u] = vec2(1.0); sync(); y[l] = tile[k].x; }`, "tile[k] and tile[k+l*2u]"},
		{"a tile filled again behind a barrier", `uint l = gl_LocalInvocationID.x;
			for (uint k = 0u; k < 9u; k++) { tile[k + l * 2u] = vec2(1.0); sync(); y[l] = tile[k].x; sync(); }`, ""},
		{"a barrier in one branch", `uint l = gl_LocalInvocationID.x; one.x = 1.0; if (y[0] > 1.0) sync(); y[l] = one.x;`, "one[] and one[]"},
		{"atomics", `uint l = gl_LocalInvocationID.x; atomicAdd(sums[l / 2u], 1.0); atomicAdd(sums[0], 1.0);`, ""},
		{"a read beside atomics", `uint l = gl_LocalInvocationID.x; atomicAdd(sums[l / 2u], 1.0); y[l] = sums[l];`, "sums[] and sums[l]"},
	} {
		found, err := Barriers(frame + "void main() {\n" + c.body + "\n}\n")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		switch all := strings.Join(found, "; "); {
		case c.want == "" && all != "":
			t.Errorf("%s: complains of %s", c.name, all)
		case !strings.Contains(all, c.want):
			t.Errorf("%s: found %q, want %q", c.name, all, c.want)
		}
	}
}

func TestPreprocessor(t *testing.T) {
	source := "#define A 2\n#define B A\n#if B == 2 && !defined(C) && (A + 1 > 2 || X)\nyes B\n#elif A\nno\n#else\nno\n#endif\n" +
		"#ifdef C\n#if rubbish here\n#endif\nno\n#elif defined A\nyes2\n#else\nno\n#endif\n#undef A\n#ifndef A\nyes3\n#endif\n"
	source = strings.Replace(source, "|| X", "|| 0", 1)
	tokens, err := preprocess(source)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(tokens); got != "yes2yes2yes3" {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"#if X\n#endif", "#endif", "#if 1", "#else", "#error no", "#if (1\n#endif", "#if 1 2\n#endif"} {
		if _, err := preprocess(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestBarriersSaysWhatItDoesNotUnderstand(t *testing.T) {
	for _, bad := range []string{"", "void main() {", "void main() { do x(); while (true); }", "void f() { f(); } void main() { f(); }"} {
		if _, err := Barriers(bad); err == nil {
			t.Errorf("%q is understood", bad)
		}
	}
}
