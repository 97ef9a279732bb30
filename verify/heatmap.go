package verify

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// A heat map shows where in an output the errors are. The map folded by the
// size of a tile lays all tiles on one another, so that a lane, a column of
// work groups or an edge that is always wrong stands out as a stripe or block.

// heat says how bad an element is: below 1 the error in bounds where both sides
// have the same bits, 1 to 2 one plus that error where they differ, 2 to 3
// outside the bound, more with the logarithm of the error.
type heat float64

// heatScale is the error, 2^heatScale bounds, from which on an element is as
// bad as can be.
const heatScale = 24

// heatOf judges one word.
func heatOf(o opinion, wrong, differs bool) heat {
	switch {
	case wrong:
		if o.ratio > 1 { // no NaN, and a bound
			return heat(2 + min(1, math.Log2(o.ratio)/heatScale))
		}
		return 3
	case differs:
		return heat(1 + min(1, o.ratio))
	}
	return heat(min(1, o.ratio) * 0.999)
}

// heatsOf judges every element of an output of the device under test; a
// complex number is as bad as its worse part. It returns nil where there is
// nothing to judge.
func heatsOf(a *array, tr *trial, tested, against side) []heat {
	words, others, oracle := tested.out[a.name], against.out[a.name], tr.oracle[a.name]
	n := width(a.dtype)
	if oracle == nil || len(words) != a.elements()*n {
		return nil
	}
	h := make([]heat, a.elements())
	for i, w := range words {
		o := oracle(tested.out, i)
		wrong := o.verdict == Wrong || (isFloat(a.dtype) && !tr.verbatim && isNaNWord(w) && w != canonicalNaN)
		differs := i < len(others) && others[i] != w
		h[i/n] = max(h[i/n], heatOf(o, wrong, differs))
	}
	return h
}

// Map is a heat map of one output, its matrices below one another.
type Map struct {
	Output            string
	Batch, Rows, Cols int
	heats             []heat
}

// Size of a heat map's picture in pixels, as near as whole elements come.
const (
	mapPixels  = 512
	mostPixels = 2048
	mostScale  = 16
)

// PNG draws the map. A pixel of a map that is too large for one element each
// shows the worst of its elements.
func (m Map) PNG() ([]byte, error) {
	height := m.Batch*(m.Rows+1) - 1 // a line apart
	longest := max(height, m.Cols, 1)
	pool := ceilDiv(longest, mostPixels)
	scale := max(1, min(mostScale, mapPixels/longest))
	img := image.NewRGBA(image.Rect(0, 0, max(1, ceilDiv(m.Cols, pool)*scale), max(1, ceilDiv(height, pool)*scale)))
	worst := map[image.Point]heat{}
	paint(img, gapColour)
	for i, h := range m.heats {
		b, row, col := i/(m.Rows*m.Cols), i/m.Cols%m.Rows, i%m.Cols
		at := image.Pt(col/pool, (b*(m.Rows+1)+row)/pool)
		if old, ok := worst[at]; ok && old >= h {
			continue
		}
		worst[at] = h
		block(img, at, scale, heatColour(h))
	}
	return encodePNG(img)
}

// Folded draws, for every place in a tile of rows×cols elements, the share of
// the output's elements at that place of their tile that differ or are wrong.
// Places that no element has stay grey.
func (m Map) Folded(rows, cols int) ([]byte, error) {
	all, bad := make([]int, rows*cols), make([]int, rows*cols)
	for i, h := range m.heats {
		at := i/m.Cols%m.Rows%rows*cols + i%m.Cols%cols
		all[at]++
		if h >= 1 {
			bad[at]++
		}
	}
	scale := max(1, min(mostScale, mapPixels/max(rows, cols)))
	img := image.NewRGBA(image.Rect(0, 0, cols*scale, rows*scale))
	paint(img, gapColour)
	for at, n := range all {
		if n > 0 {
			block(img, image.Pt(at%cols, at/cols), scale, shareColour(float64(bad[at])/float64(n)))
		}
	}
	return encodePNG(img)
}

// The colours: blue where all is well, amber where bits differ within the
// bounds, red outside them.
var (
	gapColour = color.RGBA{0x88, 0x88, 0x88, 0xff}
	wellLow   = color.RGBA{0xf2, 0xf6, 0xfa, 0xff}
	wellHigh  = color.RGBA{0x6f, 0xa3, 0xd0, 0xff}
	amberLow  = color.RGBA{0xff, 0xd5, 0x4f, 0xff}
	amberHigh = color.RGBA{0xf5, 0x9b, 0x00, 0xff}
	redLow    = color.RGBA{0xe5, 0x39, 0x35, 0xff}
	redHigh   = color.RGBA{0x4a, 0x00, 0x0c, 0xff}
)

func heatColour(h heat) color.RGBA {
	switch v := float64(h); {
	case v < 1:
		return between(wellLow, wellHigh, v)
	case v < 2:
		return between(amberLow, amberHigh, v-1)
	default:
		return between(redLow, redHigh, v-2)
	}
}

// shareColour shows a share of wrong elements; none and a few are well apart.
func shareColour(share float64) color.RGBA {
	if share == 0 {
		return wellLow
	}
	return between(amberLow, redHigh, share)
}

func between(a, b color.RGBA, t float64) color.RGBA {
	t = min(1, max(0, t))
	mix := func(x, y uint8) uint8 { return uint8(math.Round((1-t)*float64(x) + t*float64(y))) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

func paint(img *image.RGBA, c color.RGBA) {
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.SetRGBA(x, y, c)
		}
	}
}

// block paints one element of scale×scale pixels.
func block(img *image.RGBA, at image.Point, scale int, c color.RGBA) {
	for y := range scale {
		for x := range scale {
			img.SetRGBA(at.X*scale+x, at.Y*scale+y, c)
		}
	}
}

func encodePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }

// mapOf is the heat map of one output, false where there is nothing to show.
func mapOf(a *array, tr *trial, tested, against side) (Map, bool) {
	h := heatsOf(a, tr, tested, against)
	return Map{Output: a.name, Batch: a.batch, Rows: a.rows, Cols: a.cols, heats: h}, len(h) > 0
}
