package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/blas/blas32"
)

// A picture's header is believed up to maxPixels, and only as far as the file
// is long: one byte of a PNG stands for at most maxPixelsPerByte pixels, 8 a
// byte under deflate's largest ratio of 1032.
const (
	maxPixels        = 1 << 26
	maxPixelsPerByte = 8 * 1032
)

// readImage reads a .png or .jpg file over a white ground. Sizes are checked
// before memory is asked for.
func readImage(path string) (*image.RGBA, error) {
	info, err := os.Stat(path) // before Open, which would wait for a pipe's other end
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, usagef("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, format, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return nil, badImage(path, err)
	}
	// Both are at most 2³¹ as far as the decoders go, so the product fits.
	n := int64(head.Width) * int64(head.Height)
	switch {
	case head.Width < 1 || head.Height < 1:
		return nil, usagef("%s: a picture of %d × %d pixels", path, head.Width, head.Height)
	case n > maxPixels:
		return nil, usagef("%s: %d × %d pixels, want at most %d in all", path, head.Width, head.Height, maxPixels)
	case n/maxPixelsPerByte > info.Size():
		return nil, usagef("%s: the header promises %d × %d pixels, the file has %d bytes", path, head.Width, head.Height, info.Size())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	src, _, err := image.Decode(bufio.NewReader(f))
	if err != nil {
		return nil, badImage(path, fmt.Errorf("damaged %s: %w", format, err))
	}
	img := image.NewRGBA(image.Rect(0, 0, head.Width, head.Height))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, img.Rect, src, src.Bounds().Min, draw.Over)
	return img, nil
}

func badImage(path string, err error) error {
	if errors.Is(err, image.ErrFormat) {
		return usagef("%s: neither a PNG nor a JPEG", path)
	}
	return usagef("%s: %v", path, err)
}

func pixels(img *image.RGBA) int { return img.Rect.Dx() * img.Rect.Dy() }

// pixelRows returns a row of red, green and blue, 0 to 255, for each pixel.
func pixelRows(img *image.RGBA) blas32.General {
	data := make([]float32, 0, 3*pixels(img))
	for i := 0; i < len(img.Pix); i += 4 {
		data = append(data, float32(img.Pix[i]), float32(img.Pix[i+1]), float32(img.Pix[i+2]))
	}
	return blas32.General{Rows: pixels(img), Cols: 3, Stride: 3, Data: data}
}

// namedImage is a picture and the name of its file.
type namedImage struct {
	name string
	img  image.Image
}

// demoImage is a written picture.
type demoImage struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// writeImages writes PNG files into dir: all are encoded to temporary files
// first, then renamed, so that an interruption leaves no half-written file.
func writeImages(ctx context.Context, dir string, images []namedImage) (files []demoImage, err error) {
	var parts []string
	defer func() {
		for _, p := range parts {
			os.Remove(p) // those that were renamed are gone
		}
	}()
	for _, im := range images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.CreateTemp(dir, "."+im.name+".*.part")
		if err != nil {
			return nil, err
		}
		parts = append(parts, f.Name())
		digest := sha256.New()
		w := bufio.NewWriter(io.MultiWriter(f, digest))
		enc := png.Encoder{CompressionLevel: png.BestSpeed}
		if err := errors.Join(enc.Encode(w, im.img), w.Flush(), f.Chmod(0o644), f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, im.name), err)
		}
		files = append(files, demoImage{im.name, filepath.Join(dir, im.name), fmt.Sprintf("%x", digest.Sum(nil))})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, p := range parts {
		if err := os.Rename(p, files[i].Path); err != nil {
			return nil, err
		}
	}
	return files, nil
}
