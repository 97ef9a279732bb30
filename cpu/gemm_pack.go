package cpu

import "math"

// packPanels packs n lanes of an operand from lane from on, kc steps from k0,
// as panels of width lanes: element (lane l, step k) of a panel is at
// k·width + l. Lanes past the n are zeros.
func packPanels(dst []float32, width int, o *operand, from, n, k0, kc int) {
	for l := 0; l < n; l += width {
		packPanel(dst[:kc*width], width, o, from+l, min(width, n-l), k0, kc)
		dst = dst[kc*width:]
	}
}

// packPanel packs one panel of n ≤ width lanes.
func packPanel(dst []float32, width int, o *operand, from, n, k0, kc int) {
	if kc == 0 {
		return
	}
	switch o.order {
	case laneMajor:
		packLaneMajor(dst, width, o, from, n, k0, kc)
	case stepMajor:
		packStepMajor(dst, width, o, from, n, k0, kc)
	case splitSteps:
		for k := range kc {
			src := o.view.Row((k0 + k) / 2)[2*from+(k0+k)%2:]
			step := dst[k*width : (k+1)*width]
			for l := range n {
				step[l] = src[2*l]
			}
			clear(step[n:])
		}
	case pairSteps:
		packPairSteps(dst, width, o, from, n, k0, kc)
	case pairLanes:
		for l := 0; l < width; l += 2 {
			if l >= n {
				for k := range kc {
					dst[k*width+l], dst[k*width+l+1] = 0, 0
				}
				continue
			}
			src := o.view.Row((from + l) / 2)[k0 : k0+kc]
			for k := 0; k+1 < kc; k += 2 {
				re, im := src[k], src[k+1]
				even, odd := dst[k*width+l:], dst[(k+1)*width+l:]
				even[0], even[1] = flip(re, o.signs[0]), flip(im, o.signs[1])
				odd[0], odd[1] = flip(im, o.signs[2]), flip(re, o.signs[3])
			}
		}
	}
}

func flip(x float32, sign uint32) float32 { return math.Float32frombits(math.Float32bits(x) ^ sign) }

// packLaneMajor packs rows of the matrix, four at a time where the processor
// can; the last four of a panel may be packed over lanes that are there.
func packLaneMajor(dst []float32, width int, o *operand, from, n, k0, kc int) {
	l := 0
	if simd {
		for ; l+4 <= n; l += 4 {
			packQuad(dst[l:], width, o.view.Data[(from+l)*o.view.Stride+k0:], o.view.Stride, kc)
		}
		if l < n && n == width && n >= 4 {
			l = n - 4
			packQuad(dst[l:], width, o.view.Data[(from+l)*o.view.Stride+k0:], o.view.Stride, kc)
			l = n
		}
	}
	for ; l < n; l++ {
		src := o.view.Row(from + l)[k0 : k0+kc]
		for k, at := 0, l; k < len(src) && at < len(dst); k, at = k+1, at+width {
			dst[at] = src[k]
		}
	}
	padLanes(dst, width, n)
}

// packStepMajor packs columns of the matrix.
func packStepMajor(dst []float32, width int, o *operand, from, n, k0, kc int) {
	if simd && (width == 16 || width == 32) {
		packCopy(dst, width, o.view.Data[k0*o.view.Stride+from:], o.view.Stride, kc, n)
		return
	}
	for k := range kc {
		src := o.view.Row(k0 + k)[from : from+n]
		step := dst[k*width : (k+1)*width]
		switch {
		case n == 12 && width == 12:
			*(*[12]float32)(step) = *(*[12]float32)(src)
		case n == 6 && width == 6:
			*(*[6]float32)(step) = *(*[6]float32)(src)
		default:
			clear(step[copy(step, src):])
		}
	}
}

// packPairSteps packs columns of complex B: a row becomes the step
// (re, im, re, im, ...) and the step (im, re, im, re, ...), with signs flipped.
func packPairSteps(dst []float32, width int, o *operand, from, n, k0, kc int) {
	if simd && n == width && width%8 == 0 {
		packPairs(dst, width, o.view.Data[k0/2*o.view.Stride+from:], o.view.Stride, kc/2, &o.signs)
		return
	}
	for k := 0; k < kc; k += 2 {
		src := o.view.Row((k0 + k) / 2)[from : from+n]
		even, odd := dst[k*width:(k+1)*width], dst[(k+1)*width:(k+2)*width]
		for l := 0; l+1 < n; l += 2 {
			even[l], even[l+1] = flip(src[l], o.signs[0]), flip(src[l+1], o.signs[1])
			odd[l], odd[l+1] = flip(src[l+1], o.signs[2]), flip(src[l], o.signs[3])
		}
		clear(even[n:])
		clear(odd[n:])
	}
}

// padLanes clears lanes n..width of a panel.
func padLanes(dst []float32, width, n int) {
	if n == width {
		return
	}
	for ; len(dst) >= width; dst = dst[width:] {
		clear(dst[n:width])
	}
}

// packQuadPlain, packCopyPlain and packPairsPlain are the plain twins of the
// packing kernels.
func packQuadPlain(dst []float32, width int, src []float32, stride, kc int) {
	for k := range kc {
		for l := range 4 {
			dst[k*width+l] = src[l*stride+k]
		}
	}
}

func packCopyPlain(dst []float32, width int, src []float32, stride, kc, n int) {
	for k := range kc {
		step := dst[k*width : (k+1)*width]
		clear(step[copy(step, src[k*stride:k*stride+n]):])
	}
}

func packPairsPlain(dst []float32, width int, src []float32, stride, kc int, signs *[4]uint32) {
	for k := range kc {
		even, odd := dst[2*k*width:], dst[(2*k+1)*width:]
		for l, x := range src[k*stride : k*stride+width] {
			even[l] = flip(x, signs[l%2])
			odd[l^1] = flip(x, signs[2+(l^1)%2])
		}
	}
}
