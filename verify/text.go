package verify

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// plural gives a number with its noun: "1 case", "2 cases".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// namesInText is how many names a message lists.
const namesInText = 5

// firstOf lists the first of some names and says how many follow.
func firstOf(names []string) string {
	if len(names) <= namesInText {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namesInText], ", "), len(names)-namesInText)
}

// bareFileError is a file error without the system call and the path.
func bareFileError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
