package main

import (
	"image"
	"runtime"
	"sync"

	"samebits/backend/exact"
)

// The picture that the demo draws: a lake at sunset, sceneWidth×sceneHeight
// pixels. It is drawn with integers and Philox words alone, so every machine
// draws the same picture, and it takes no seed, so every run does.
const (
	sceneWidth  = 1280
	sceneHeight = 800
	horizon     = 500
	sunX, sunY  = 836, 404
	sunRadius   = 40
)

// Fixed point: 16 fractional bits for positions and blends, 8 for colours.
const (
	one   = int64(1) << 16
	level = int64(1) << 8
)

// tint is a colour in fixed point, 0 to 255·level a channel.
type tint [3]int64

func rgb(r, g, b int64) tint { return tint{r * level, g * level, b * level} }

// blend goes from a to b as t goes from 0 to one.
func blend(a, b tint, t int64) tint {
	t = min(max(t, 0), one)
	for i := range a {
		a[i] += (b[i] - a[i]) * t >> 16
	}
	return a
}

// light adds t parts of the colour c to a, as light adds up without passing white.
func light(a, c tint, t int64) tint {
	const white = 255 * level
	t = min(max(t, 0), one)
	for i := range a {
		a[i] += (white - a[i]) * (c[i] * t >> 16) / white
	}
	return a
}

// ramp goes smoothly from 0 to one as v goes from a to b.
func ramp(a, b, v int64) int64 {
	t := min(max((v-a)*one/(b-a), 0), one)
	return t * t >> 16 * (3*one - 2*t) >> 16
}

// noise is a square lattice of random bytes that repeats every 256 steps.
type noise [256][256]uint8

// newNoise fills a lattice from the demo's random stream; sub tells lattices apart.
func newNoise(sub uint16) *noise {
	n := new(noise)
	for i := range n {
		for j := 0; j < 256; j += 4 {
			for lane, word := range exact.Block(0, exact.UseDemo, sub, 0, uint32(i), uint32(j/4)) {
				n[i][j+lane] = uint8(word >> 24)
			}
		}
	}
	return n
}

// at is the lattice smoothly interpolated at a fixed-point position: 0 to one.
func (n *noise) at(x, y int64) int64 {
	i, j := uint8(y>>16), uint8(x>>16)
	u, v := ramp(0, one, x&(one-1)), ramp(0, one, y&(one-1))
	top := int64(n[i][j])*(one-u) + int64(n[i][j+1])*u
	bottom := int64(n[i+1][j])*(one-u) + int64(n[i+1][j+1])*u
	return (top>>8*(one-v) + bottom>>8*v) >> 16
}

// cloud sums octaves of the noise, each of half the size and weight: 0 to one.
func (n *noise) cloud(x, y int64, octaves int) int64 {
	sum, weight := int64(0), one/2
	for range octaves {
		sum += n.at(x, y) * weight >> 16
		x, y, weight = 2*x+37*one/2, 2*y+11*one/2, weight/2
	}
	return sum
}

// scene draws one picture.
type scene struct {
	img                        *image.RGBA
	sky, ridge, ripple, grains *noise
	crests                     [len(mountains)][sceneWidth]int64
}

// mountains are the ranges from the farthest to the nearest. Heights are in
// pixels above the horizon, wave is the width of the largest peaks.
var mountains = [...]struct {
	foot, height, wave int64
	octaves            int
	color, haze        tint
}{
	{30, 205, 330, 6, rgb(146, 84, 130), rgb(244, 156, 118)},
	{10, 150, 240, 6, rgb(98, 60, 114), rgb(206, 116, 112)},
	{-8, 100, 170, 6, rgb(58, 40, 90), rgb(134, 74, 100)},
	{-6, 46, 90, 7, rgb(28, 24, 56), rgb(60, 38, 70)},
}

// drawScene returns the demo's picture.
func drawScene() *image.RGBA {
	s := &scene{
		img: image.NewRGBA(image.Rect(0, 0, sceneWidth, sceneHeight)),
		sky: newNoise(0), ridge: newNoise(1), ripple: newNoise(2), grains: newNoise(3),
	}
	for m := range mountains {
		for x := range s.crests[m] {
			s.crests[m][x] = s.crest(m, int64(x))
		}
	}
	everyRow(horizon, func(y int) {
		for x := range sceneWidth {
			s.set(x, y, s.land(int64(x), int64(y), len(mountains)-1))
		}
	})
	everyRow(sceneHeight-horizon, func(y int) {
		for x := range sceneWidth {
			s.set(x, horizon+y, s.water(int64(x), int64(y)))
		}
	})
	s.birds()
	s.shore()
	everyRow(sceneHeight, s.grain)
	return s.img
}

// everyRow calls draw for rows 0 to n−1 on all processors.
func everyRow(n int, draw func(y int)) {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for y := w; y < n; y += workers {
				draw(y)
			}
		}()
	}
	wg.Wait()
}

func (s *scene) set(x, y int, c tint) {
	i := s.img.PixOffset(x, y)
	s.img.Pix[i], s.img.Pix[i+1], s.img.Pix[i+2], s.img.Pix[i+3] = uint8(c[0]>>8), uint8(c[1]>>8), uint8(c[2]>>8), 255
}

func (s *scene) get(x, y int64) tint {
	i := s.img.PixOffset(int(min(max(x, 0), sceneWidth-1)), int(y))
	return rgb(int64(s.img.Pix[i]), int64(s.img.Pix[i+1]), int64(s.img.Pix[i+2]))
}

// dusk is the sky from the zenith to the horizon, without sun and clouds.
var dusk = [...]struct {
	y     int64
	color tint
}{
	{0, rgb(20, 22, 64)}, {130, rgb(58, 42, 112)}, {240, rgb(132, 66, 134)}, {330, rgb(208, 96, 118)},
	{410, rgb(246, 146, 92)}, {465, rgb(255, 194, 112)}, {horizon, rgb(255, 222, 156)},
}

// heaven is the colour of the sky at a pixel.
func (s *scene) heaven(x, y int64) tint {
	i := 1
	for i < len(dusk)-1 && y > dusk[i].y {
		i++
	}
	c := blend(dusk[i-1].color, dusk[i].color, (y-dusk[i-1].y)*one/(dusk[i].y-dusk[i-1].y))

	// Stars fade towards the light.
	if word := exact.Word(0, exact.UseDemo, 4, 0, uint32(y), uint64(x)); word < 1<<22 {
		c = light(c, rgb(225, 230, 255), int64(word&0xffff)*ramp(250, 0, y)>>16)
	}

	dx, dy := x-sunX, y-sunY
	d2 := dx*dx + dy*dy
	glow := 170 * 170 * one / (170*170 + d2)
	c = light(c, rgb(255, 176, 90), glow*glow>>16*9/10)

	// Clouds are stretched along the horizon and lit from below.
	u, v := x*one/300, y*one/64
	u += s.sky.at(x*one/180, y*one/90) / 2
	density := s.sky.cloud(u, v, 6)
	below := s.sky.cloud(u, v+one/7, 6)
	cover := ramp(one*46/100, one*70/100, density) * ramp(horizon-10, horizon-150, y) >> 16
	lit := ramp(-one/24, one/9, density-below) + glow/2
	warm := blend(rgb(104, 54, 116), rgb(255, 150, 112), lit)
	warm = blend(warm, rgb(255, 214, 150), glow*glow>>16)
	c = blend(c, warm, cover*9/10)

	if disc := ramp((sunRadius+2)*(sunRadius+2), (sunRadius-1)*(sunRadius-1), d2); disc > 0 {
		c = blend(c, rgb(255, 244, 206), disc)
	}
	return c
}

// crest is the height of range m at column x, in 1/16 pixels above the horizon.
func (s *scene) crest(m int, x int64) int64 {
	r := &mountains[m]
	sum, weight := int64(0), one/2
	u, v := x*one/r.wave+int64(m)*29*one/2, int64(m*53)*one
	for range r.octaves {
		fold := s.ridge.at(u, v)*2 - one // peaks where the noise crosses its middle
		if fold < 0 {
			fold = -fold
		}
		sum += (one - fold) * weight >> 16
		u, v, weight = 2*u+one/3, v+7*one, weight*9/20
	}
	return 16*r.foot + 16*r.height*sum>>16
}

// land is what stands above the waterline, the ranges past m left out.
func (s *scene) land(x, y int64, m int) tint {
	if m < 0 {
		return s.heaven(x, y)
	}
	r, up, top := &mountains[m], 16*(horizon-y), s.crests[m][x]
	if top < up-8 {
		return s.land(x, y, m-1)
	}
	// Rock that faces the sun is lighter; the foot lies in haze.
	u, v := x*one/44+int64(m)*17*one+(up-top)*one/1400, y*one/40
	relief := s.ridge.cloud(u+one/5, v, 5) - s.ridge.cloud(u-one/5, v, 5)
	relief = relief * min(max(sunX-x, -160), 160) / 160
	c := blend(r.color, r.haze, min(max(relief*4/5, -one/6), one/3)+one/6)
	c = blend(c, r.haze, ramp(top, 0, up)*3/5)
	if edge := (up + 8 - top) * one / 16; edge > 0 {
		c = blend(c, s.land(x, y, m-1), edge)
	}
	return c
}

// water mirrors the land, depth rows below the waterline.
func (s *scene) water(x, depth int64) tint {
	depth++
	// Waves stand in perspective: the lake lies flat and far rows are far away.
	far := 5200 * one / (depth + 14)
	across := (x - sunX) * far / 240
	wave := s.ripple.cloud(across/26, far/18, 4)
	fine := s.ripple.cloud(across/8+9*one, far*2/5, 4)
	tilt := (wave-one*47/100)*3/2 + (fine-one*46/100)*2
	dy := tilt * depth / 5 >> 16
	dx := (fine - one*44/100) * depth / 9 >> 16
	source := min(max(horizon-1-depth-dy, 0), horizon-1)
	c := s.get(x+dx, source)
	c = blend(c, rgb(16, 24, 62), one*18/100+depth*one*34/100/(sceneHeight-horizon)+tilt/8)

	// The sun's path: glints where a wave leans the right way.
	width := 30 + depth*3/5
	off := x - sunX
	path := one * width * width / (width*width + 4*off*off)
	glint := ramp(one*6/100, one*40/100, tilt+path/3-one/5)
	return light(c, rgb(255, 206, 132), path*glint>>16*ramp(290, 120, depth)>>16*9/10)
}

// grain shifts each pixel of row y by up to two levels, as film does.
func (s *scene) grain(y int) {
	for x := 0; x < sceneWidth; x += 4 {
		for lane, word := range exact.Block(0, exact.UseDemo, 5, 0, uint32(y), uint32(x/4)) {
			i := s.img.PixOffset(x+lane, y)
			shift := int(word&3) + int(word>>2&3) - 3
			for j := i; j < i+3; j++ {
				s.img.Pix[j] = uint8(min(max(int(s.img.Pix[j])+shift*2/3, 0), 255))
			}
		}
	}
}
