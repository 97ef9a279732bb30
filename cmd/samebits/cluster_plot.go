package main

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"samebits/algos/cluster"
)

func init() { plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"} }

// Size of a picture, and the resolution of a PNG.
const (
	pictureWidth  = 7 * vg.Inch
	pictureHeight = 5 * vg.Inch
	pictureDPI    = 144
)

// picture is one or more plots below each other.
type picture []*plot.Plot

// pictureFormat returns png or svg for the name of a file, and "" for others.
func pictureFormat(path string) string {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png", ".svg":
		return ext[1:]
	}
	return ""
}

// encode writes the picture as png or svg; the same picture gives the same bytes.
func (p picture) encode(w io.Writer, format string) error {
	height := pictureHeight
	if len(p) > 1 {
		height = vg.Length(len(p)) * pictureHeight * 2 / 3
	}
	if format == "png" {
		c := vgimg.NewWith(vgimg.UseWH(pictureWidth, height), vgimg.UseDPI(pictureDPI))
		p.draw(draw.New(c))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	}
	c := vgsvg.New(pictureWidth, height)
	p.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	// The font is named, not embedded: say what may stand in for it.
	svg := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	_, err := w.Write(svg)
	return err
}

func (p picture) draw(c draw.Canvas) {
	rows := make([][]*plot.Plot, len(p))
	for i := range p {
		rows[i] = p[i : i+1]
	}
	tiles := draw.Tiles{Rows: len(p), Cols: 1, PadX: vg.Points(8), PadY: vg.Points(10),
		PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12)}
	for i, row := range plot.Align(rows, tiles, c) {
		p[i].Draw(row[0])
	}
}

// okabeIto is the palette of Okabe and Ito (2008), which the common kinds of
// colour blindness leave apart; the colours that stand out on white come first.
var okabeIto = [...]color.RGBA{
	{0x00, 0x72, 0xb2, 255}, // blue
	{0xd5, 0x5e, 0x00, 255}, // vermilion
	{0x00, 0x9e, 0x73, 255}, // bluish green
	{0xe6, 0x9f, 0x00, 255}, // orange
	{0x56, 0xb4, 0xe9, 255}, // sky blue
	{0xcc, 0x79, 0xa7, 255}, // reddish purple
	{0x00, 0x00, 0x00, 255}, // black
	{0xf0, 0xe4, 0x42, 255}, // yellow
}

// Shapes tell clusters apart where the colours come round again.
var clusterShapes = [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}, draw.CrossGlyph{}, draw.RingGlyph{}}

// clusterGlyph is the look of cluster c's rows.
func clusterGlyph(c int, radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: okabeIto[c%len(okabeIto)], Shape: clusterShapes[c/len(okabeIto)%len(clusterShapes)], Radius: radius}
}

// centreGlyph is a disc in the cluster's colour with a white cross in it and a
// rim of white and black around it.
type centreGlyph struct{}

func (centreGlyph) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	for _, ring := range []struct {
		color  color.Color
		radius vg.Length
	}{{color.Black, 1}, {color.White, 0.85}, {sty.Color, 0.65}} {
		c.SetColor(ring.color)
		draw.CircleGlyph{}.DrawGlyph(c, draw.GlyphStyle{Color: ring.color, Radius: sty.Radius * ring.radius}, at)
	}
	draw.CrossGlyph{}.DrawGlyph(c, draw.GlyphStyle{Color: color.White, Radius: sty.Radius * 0.4}, at)
}

// thumbnail draws a legend's sign.
type thumbnail draw.GlyphStyle

func (t thumbnail) Thumbnail(c *draw.Canvas) { c.DrawGlyph(draw.GlyphStyle(t), c.Center()) }

// legendClusters is the most clusters that a legend names.
const legendClusters = 16

// scatterPicture shows rows and centres along the first two principal components.
func scatterPicture(res *cluster.Result, view *cluster.Projection) (picture, error) {
	p := plot.New()
	shown := count(len(view.Points), "row")
	if view.Rows != nil {
		shown = fmt.Sprintf("%d of %s, drawn at random", len(view.Points), count(res.N, "row"))
	}
	p.Title.Text = fmt.Sprintf("k = %d: %s", res.K, shown)
	p.X.Label.Text, p.Y.Label.Text = componentLabel(view, 0), componentLabel(view, 1)
	points, of := make(plotter.XYs, len(view.Points)), make([]int, len(view.Points))
	for i, at := range view.Points {
		points[i] = plotter.XY{X: at[0], Y: at[1]}
		row := i
		if view.Rows != nil {
			row = view.Rows[i]
		}
		of[i] = int(res.Labels[row])
	}
	radius := vg.Points(2.6)
	if len(points) > 2000 {
		radius = vg.Points(1.3)
	}
	rows, err := plotter.NewScatter(points)
	if err != nil {
		return nil, err
	}
	rows.GlyphStyleFunc = func(i int) draw.GlyphStyle { return clusterGlyph(of[i], radius) }
	centres := make(plotter.XYs, res.K)
	for c := range centres {
		at := view.At(res.Centers.Data[c*res.Centers.Stride:][:res.D])
		centres[c] = plotter.XY{X: at[0], Y: at[1]}
	}
	marks, err := plotter.NewScatter(centres)
	if err != nil {
		return nil, err
	}
	marks.GlyphStyleFunc = func(c int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: okabeIto[c%len(okabeIto)], Shape: centreGlyph{}, Radius: vg.Points(6)}
	}
	p.Add(plotter.NewGrid(), rows, marks)
	p.Legend.Top, p.Legend.Padding = true, vg.Points(2)
	if res.K <= legendClusters {
		for c := range res.K {
			p.Legend.Add(fmt.Sprintf("%d (%d)", c, res.Sizes[c]), thumbnail(clusterGlyph(c, vg.Points(3))))
		}
		// Room for the legend at the side of the rows.
		p.X.Max += 0.16 * max(p.X.Max-p.X.Min, 1e-9)
	}
	return picture{p}, nil
}

func componentLabel(view *cluster.Projection, c int) string {
	return fmt.Sprintf("principal component %d (%.1f %% of the variance)", c+1, 100*view.Explained[c])
}

// coursePicture shows an objective from iteration to iteration of the start
// that was kept; first is the iteration of the first value, total the number of
// iterations there were.
func coursePicture(objective string, first int, values []float64, total int) (picture, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s of the start that was kept", objective)
	if last := first + len(values) - 1; last < total {
		p.Title.Text += fmt.Sprintf(", the first %d of %d iterations", last, total)
	}
	p.X.Label.Text, p.Y.Label.Text = "iteration", objective
	p.X.Tick.Marker = wholeTicks{}
	points := make(plotter.XYs, len(values))
	for i, v := range values {
		points[i] = plotter.XY{X: float64(first + i), Y: v}
	}
	return picture{p}, addLine(p, points, okabeIto[0])
}

// elbowPicture shows what was minimised for each k and, below it, the silhouette.
func elbowPicture(rows []elbowRow, best int) (picture, error) {
	objective := rows[0].Objective
	value, silhouette := plot.New(), plot.New()
	value.Title.Text = fmt.Sprintf("%s by k; k = %d has the largest silhouette", objective, best)
	value.Y.Label.Text, silhouette.Y.Label.Text = objective, "silhouette"
	silhouette.X.Label.Text = "k"
	var values, silhouettes plotter.XYs
	for _, r := range rows {
		values = append(values, plotter.XY{X: float64(r.K), Y: float64(r.Value)})
		if s := float64(r.Silhouette); !math.IsNaN(s) {
			silhouettes = append(silhouettes, plotter.XY{X: float64(r.K), Y: s})
		}
	}
	if err := addLine(value, values, okabeIto[0]); err != nil {
		return nil, err
	}
	value.X.Tick.Marker = wholeTicks{}
	if len(silhouettes) == 0 {
		return picture{value}, nil
	}
	if err := addLine(silhouette, silhouettes, okabeIto[2]); err != nil {
		return nil, err
	}
	silhouette.X.Tick.Marker = wholeTicks{}
	silhouette.X.Min, silhouette.X.Max = value.X.Min, value.X.Max
	return picture{value, silhouette}, nil
}

// addLine adds a line with a mark at each point.
func addLine(p *plot.Plot, points plotter.XYs, c color.RGBA) error {
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = c, vg.Points(1.5)
	marks.GlyphStyle = draw.GlyphStyle{Color: c, Shape: draw.CircleGlyph{}, Radius: vg.Points(2.5)}
	if len(points) > 100 {
		marks.Radius = vg.Points(1)
	}
	p.Add(plotter.NewGrid(), line, marks)
	return nil
}

// wholeTicks marks whole numbers alone.
type wholeTicks struct{}

func (wholeTicks) Ticks(from, to float64) []plot.Tick {
	step := 1.0
	for i := 0; (to-from)/step > 12; i++ {
		step *= [...]float64{2, 2.5, 2}[i%3] // 1, 2, 5, 10, 20, …
	}
	var ticks []plot.Tick
	for v := math.Ceil(from/step) * step; v <= to; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	return ticks
}
