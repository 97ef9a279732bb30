package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar is a progress bar on a terminal and nothing in a pipe.
type bar struct{ pb *progressbar.ProgressBar }

// newBar returns a bar of total steps, shown with rate and time left on
// stderr where that is a terminal and the user did not ask for quiet.
func (a *app) newBar(total int, what string) *bar {
	if a.quiet || !isTerminal(a.stderr) {
		return &bar{}
	}
	return &bar{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(a.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)}
}

// set moves the bar to step n.
func (b *bar) set(n int) {
	if b.pb != nil {
		b.pb.Set(n)
	}
}

// close removes the bar.
func (b *bar) close() {
	if b.pb != nil {
		b.pb.Finish()
		b.pb.Close()
	}
}

func isTerminal(w io.Writer) bool {
	if c, ok := w.(*checkedWriter); ok {
		w = c.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
