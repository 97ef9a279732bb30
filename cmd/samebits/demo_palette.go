package main

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"
)

// palette is the found colours, the most frequent first.
type palette struct {
	colors color.Palette
	shares []float64
	rank   []uint8 // of each cluster
}

func newPalette(found colors) palette {
	order := make([]int, found.K)
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(found.Sizes[b], found.Sizes[a]) })
	p := palette{rank: make([]uint8, found.K)}
	for i, c := range order {
		m := found.Centers.Data[c*found.Centers.Stride:]
		p.colors = append(p.colors, color.RGBA{channel(m[0]), channel(m[1]), channel(m[2]), 255})
		p.shares = append(p.shares, float64(found.Sizes[c])/float64(found.N))
		p.rank[c] = uint8(i)
	}
	return p
}

func channel(v float32) uint8 { return uint8(min(max(math.RoundToEven(float64(v)), 0), 255)) }

func (p palette) rgb(i int) color.RGBA { return p.colors[i].(color.RGBA) }

// hex returns the colours as #rrggbb.
func (p palette) hex() []string {
	out := make([]string, len(p.colors))
	for i := range out {
		c := p.rgb(i)
		out[i] = fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
	}
	return out
}

// repaint returns the picture in the palette's colours.
func (p palette) repaint(r image.Rectangle, labels []int32) *image.Paletted {
	img := image.NewPaletted(r, p.colors)
	for i, label := range labels {
		img.Pix[i] = p.rank[label]
	}
	return img
}

// draw shows the colours as equal fields over a band of their shares.
func (p palette) draw() *image.Paletted {
	const width, fields, band = 1280, 160, 40
	img := image.NewPaletted(image.Rect(0, 0, width, fields+band), p.colors)
	edges := make([]int, 0, len(p.shares))
	sum := 0.0
	for _, s := range p.shares {
		sum += s
		edges = append(edges, int(math.Round(sum*width)))
	}
	for x := range width {
		field := x * len(p.colors) / width
		share, _ := slices.BinarySearch(edges, x+1)
		for y := range fields + band {
			i := field
			if y >= fields {
				i = min(share, len(p.colors)-1)
			}
			img.Pix[img.PixOffset(x, y)] = uint8(i)
		}
	}
	return img
}

// printedColors bounds the lines that a palette takes.
const printedColors = 32

// print lists the colours with their shares, painted where w is a terminal.
func (p palette) print(w io.Writer, painted bool) {
	for i, name := range p.hex() {
		if i == printedColors {
			fmt.Fprintf(w, "  and %d more\n", len(p.colors)-i)
			break
		}
		bar := strings.Repeat("█", int(math.Round(p.shares[i]/p.shares[0]*30)))
		swatch := ""
		if painted {
			c := p.rgb(i)
			swatch = fmt.Sprintf("\x1b[48;2;%d;%d;%dm      \x1b[0m ", c.R, c.G, c.B)
			bar = fmt.Sprintf("\x1b[38;2;%d;%d;%dm%s\x1b[0m", c.R, c.G, c.B, bar)
		}
		fmt.Fprintf(w, "  %s%s %6.2f %%  %s\n", swatch, name, 100*p.shares[i], bar)
	}
}
