package main

import "samebits/backend/exact"

// night is the colour of what stands against the light.
var night = rgb(11, 11, 28)

// birds puts a small flock beside the sun.
func (s *scene) birds() {
	for _, b := range [...]struct{ x, y, span int }{
		{612, 268, 15}, {650, 250, 12}, {676, 281, 13}, {706, 262, 9}, {572, 290, 10}, {730, 287, 8},
	} {
		for dx := -b.span; dx <= b.span; dx++ {
			out := max(dx, -dx)
			// Each wing rises from the body and bends down at its tip.
			dy := out*out*3/(4*b.span) - out*4/5
			for thick := range 1 + (b.span-out)/6 {
				x, y := b.x+dx, b.y+dy+thick
				s.set(x, y, blend(s.get(int64(x), int64(y)), rgb(40, 22, 58), one*85/100))
			}
		}
	}
}

// shore is the bank in front: ground, grass and pines against the light.
func (s *scene) shore() {
	bank := func(x int64) int64 {
		left, right := ramp(560, 0, x), ramp(900, sceneWidth, x)
		rise := left*92>>16 + right*52>>16
		return sceneHeight - 16 - rise - s.ridge.cloud(x*one/60, 200*one, 4)*14>>16
	}
	for x := range int64(sceneWidth) {
		// Blades of grass: some columns reach up, leaning thinner towards the tip.
		word := exact.Word(0, exact.UseDemo, 6, 0, 0, uint64(x))
		top := bank(x) - int64(word>>28)*int64(word>>24&15)/14
		for y := top; y < sceneHeight; y++ {
			s.set(int(x), int(y), blend(night, rgb(26, 20, 44), ramp(top, top+70, y)/2))
		}
	}
	for i, p := range [...]struct{ x, height int64 }{
		{236, 150}, {300, 96}, {150, 250}, {46, 330}, {98, 400}, {192, 190}, {12, 250}, {350, 64},
		{1236, 270}, {1190, 176}, {1268, 200}, {1146, 104}, {1090, 70},
	} {
		s.pine(i, p.x, bank(min(p.x, sceneWidth-1))+6, p.height)
	}
}

// pine draws one tree from its tip to its foot at row base.
func (s *scene) pine(number int, x, base, height int64) {
	tip := base - height
	tiers := 7 + height/28
	for y := tip; y < base; y++ {
		t := (y - tip) * one / height
		// Branches droop: each tier widens and the next starts narrow again.
		tier := t * tiers & (one - 1)
		wide := height * (t*19/100 + one/60) >> 16
		half := wide * (one*45/100 + tier*55/100) >> 16
		if t > one*94/100 {
			half = height/60 + 1 // the trunk
		}
		for side := int64(-1); side <= 1; side += 2 {
			// A twig is two rows thick.
			word := exact.Word(0, exact.UseDemo, 7, uint32(number), uint32(y/2), uint64(side+1))
			reach := half*(one*75/100+int64(word>>17)*50/100)>>16 + 1
			for dx := range reach {
				if px := x + side*dx; px >= 0 && px < sceneWidth {
					s.set(int(px), int(y), night)
				}
			}
		}
	}
}
