// Package stats holds the tests of hypotheses that stand behind the checks of
// samplers and of gradient estimators.
//
// A test gives a [Result]: a p-value and the smallest departure that it is
// bound to find. [Judge] takes all results of a run as one family, corrected by
// Holm's method, so that the probability that a right sampler fails anywhere in
// the run is at most [FalseFail]; and it states for each test the effect that
// passes with probability at most [FalsePass].
//
// A p-value is small where the hypothesis is wrong. One that is NaN, because a
// draw was NaN or there was nothing to test, fails: it never passes.
package stats
