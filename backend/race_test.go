//go:build race

package backend_test

// raceDetector says that sync.Pool drops what it is given now and then.
const raceDetector = true
