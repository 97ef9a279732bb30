// Package exact is the arithmetic contract as plain Go: every other backend is
// right when, and only when, it gives the bits that this package gives.
//
// A result's bits depend on the order of its rounded operations and on nothing
// else, so each function here fixes one order and is the statement of it.
// Numbers are IEEE-754 binary32, rounded to nearest even. A Mac says how a
// multiply-accumulate rounds: once (Fused, the canonical profile) or twice
// (Split). Infinities and signed zeros are part of the contract; every NaN is
// written as 0x7fc00000.
//
// What is where:
//   - mac.go: the multiply-accumulate, and the order of float32 in argmax
//   - div.go: reciprocal, division, square root, correctly rounded
//   - elementary.go, trig.go: exp, log and their kin, with their worst errors
//   - philox.go, variates.go: random words by coordinates, and what is drawn
//     from them
//
// The code is written so that no compiler can change a bit of it. Go may fuse
// x*y + z, and does on arm64 and at GOAMD64=v3, unless a conversion stands
// between: hence float32(x*y) + z throughout. Each function is for one element
// and chosen for clarity; drivers keep faster twins that are tested against it.
package exact
