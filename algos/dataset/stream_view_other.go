//go:build !linux

package dataset

import (
	"errors"
	"os"
)

// mapFile is for systems on which rows are copied.
func mapFile(*os.File, int64, int) ([]byte, func(), error) { return nil, nil, errors.ErrUnsupported }
