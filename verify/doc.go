// Package verify finds out whether a device computes what it must.
//
// A [Case] is one run of one operation: shapes, strides, transposes, fill and
// options, reproducible from its name and a seed. [Run] gives every case to two
// devices and judges the results three ways:
//
//   - bits: two devices that follow one profile must agree bit by bit;
//   - an oracle in float64, independent of package exact, with a bound derived
//     from the order of operations (never a hand-written tolerance): it says
//     which of the two sides is wrong;
//   - memory: guard words around every tensor and in the gaps of its rows stay
//     as they were, and so do the inputs; outputs are poisoned before the run.
//
// Choices (draws, nearest rows) are judged by the gap between the candidates'
// scores against the scores' bounds: decisive, boundary or wrong.
//
// [RunAll] is the conformance suite of a backend in one line of a test.
//
// To add an operation: write its cases and its oracle in a cases_*.go file and
// call them in case.go (chosen) and in cases_edges.go; a test fails for an
// operation that has none.
package verify
