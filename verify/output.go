package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"samebits/backend"
)

// CheckOutput returns an error unless a file can stand at path: its folder is
// there and path is none itself. It wraps backend.ErrArgument. A run that takes
// minutes asks before it begins.
func CheckOutput(path string) error {
	if in, err := os.Stat(path); err == nil && in.IsDir() {
		return fmt.Errorf("%s is a directory, not a file: %w", path, backend.ErrArgument)
	}
	in, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("%w: %w", err, backend.ErrArgument)
	}
	if !in.IsDir() {
		return fmt.Errorf("%s is not a directory: %w", filepath.Dir(path), backend.ErrArgument)
	}
	return nil
}

// createFile makes a file of a new folder and lets write fill it.
func createFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
