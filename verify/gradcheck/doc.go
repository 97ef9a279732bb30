// Package gradcheck finds out whether a gradient is right.
//
// [Real] and [Complex] are functions with their derivatives, of first and second
// order; Check compares these with numerical directional derivatives in float64,
// whose error it bounds itself: by extrapolation from a ladder of steps and by
// the rounding noise measured in the function. There is no tolerance to choose,
// and a check that could not have found an error of 10⁻³ fails.
//
// [Estimator] is a stochastic estimator of a gradient; Check tests its mean, and
// its variance where that is known, against an exactly enumerated gradient (see
// [Enumerate]) as one family of package stats, and states the bias it would find.
//
// Functions are plain Go functions of slices. One that runs in float32 on a
// device is wrapped by [Float32].
package gradcheck
