//go:build race

package cpu

// raceDetector says that sync.Pool drops what it is given now and then.
const raceDetector = true
