package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"samebits/backend"
)

// CheckOutput returns an error unless a file can stand at path: its folder is
// there and takes files, and path is none itself. It wraps backend.ErrArgument.
// A run that takes minutes asks before it begins.
func CheckOutput(path string) error {
	in, err := os.Stat(path)
	switch {
	case err == nil && in.IsDir():
		return fmt.Errorf("%s is a directory, not a file: %w", path, backend.ErrArgument)
	case err == nil && !in.Mode().IsRegular():
		return nil // a pipe or a device is written as it stands
	}
	dir := filepath.Dir(path)
	if in, err := os.Stat(dir); err != nil || !in.IsDir() {
		return fmt.Errorf("%s: no such folder: %w", path, backend.ErrArgument)
	}
	if err := takesFiles(dir); err != nil {
		return fmt.Errorf("%s: %w: %w", path, err, backend.ErrArgument)
	}
	return nil
}

// CheckFolder returns an error unless dir is an empty folder that takes files, or
// can be made: what [Report.WriteArtefacts] writes into. It wraps
// backend.ErrArgument, and makes nothing that stays.
func CheckFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("%s: the folder is not empty, and the data of two runs must not mix: %w", dir, backend.ErrArgument)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w: %w", dir, bareFileError(err), backend.ErrArgument)
	}
	// The folder, or the nearest one above it that is there.
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		in, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
			continue
		}
		if err == nil {
			in, err = os.Stat(at) // fails for a link that leads nowhere
		}
		if err == nil && !in.IsDir() {
			err = fmt.Errorf("%s is not a directory", at)
		}
		if err == nil {
			err = takesFiles(at)
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %w", dir, bareFileError(err), backend.ErrArgument)
		}
		return nil
	}
}

// takesFiles returns an error unless a file can be made in a folder.
func takesFiles(dir string) error {
	f, err := os.CreateTemp(dir, ".samebits-*")
	if err != nil {
		return bareFileError(err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// createFile makes a file of a new folder and lets write fill it.
func createFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
