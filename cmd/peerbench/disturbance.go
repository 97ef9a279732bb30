package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"time"
)

// disturbance is what took processor time from a run, as parts of all
// processors' time; timings of a run that lost more than a few per cent say
// little.
type disturbance struct {
	Host   float64 `json:"host"`   // the host of this virtual machine, for others of its guests
	Others float64 `json:"others"` // other programs on this machine
}

// load is the processors' time used at one moment.
type load struct {
	at           time.Time
	processors   float64
	own          float64 // seconds of this process and of the children that ended
	busy, stolen float64 // seconds of all programs, and what the host took
	ok           bool
}

func startLoad() load { return loadNow() }

// others returns what was lost since; nil where the system does not tell.
// Workers that still run count as others, so they must have ended.
func (start load) others() *disturbance {
	now := loadNow()
	whole := now.at.Sub(start.at).Seconds() * now.processors
	if !start.ok || !now.ok || !(whole > 0) {
		return nil
	}
	part := func(seconds float64) float64 { return min(max(seconds/whole, 0), 1) }
	return &disturbance{Host: part(now.stolen - start.stolen), Others: part(now.busy - start.busy - (now.own - start.own))}
}

func loadNow() (l load) {
	l.at = time.Now()
	f, err := os.Open("/proc/stat")
	if err != nil {
		return l
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() && strings.HasPrefix(s.Text(), "cpu") {
		fields := strings.Fields(s.Text())
		if fields[0] != "cpu" {
			l.processors++
			continue
		}
		l.busy, l.stolen, l.ok = parseStat(fields[1:])
	}
	own, known := ownSeconds()
	l.own, l.ok = own, l.ok && known
	return l
}

// clockTicks is the unit of /proc/stat: a hundredth of a second in every
// Linux system's user interface.
const clockTicks = 100

// parseStat reads the counters user, nice, system, idle, iowait, irq, softirq
// and steal (proc_stat(5)) and returns seconds.
func parseStat(fields []string) (busy, stolen float64, ok bool) {
	if len(fields) < 8 {
		return 0, 0, false
	}
	for i, field := range fields[:8] {
		v, err := strconv.ParseFloat(field, 64)
		switch {
		case err != nil:
			return 0, 0, false
		case i == 7:
			stolen = v / clockTicks
		case i != 3 && i != 4:
			busy += v / clockTicks
		}
	}
	return busy, stolen, true
}
