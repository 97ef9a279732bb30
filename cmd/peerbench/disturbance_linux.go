package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// ownSeconds is the processor time of this process and of its children that
// have ended.
func ownSeconds() (seconds float64, known bool) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if unix.Getrusage(who, &u) != nil {
			return 0, false
		}
		for _, t := range []unix.Timeval{u.Utime, u.Stime} {
			seconds += time.Duration(t.Nano()).Seconds()
		}
	}
	return seconds, true
}
