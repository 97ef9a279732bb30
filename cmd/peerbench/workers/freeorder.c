/*
 * The float32 product of few outputs in a free order: K is split over so many partial sums that the multiply-adds
 * never wait for each other, which the contract's one chain an output forbids. One thread; B is row-major with 1, 4 or
 * 16 columns. It computes on vectors as wide as it was compiled for, or as B is.
 */
#include "protocol.h"

#ifdef __AVX512F__
#define W 16
#else
#define W 8
#endif
#define NAME_(w) #w
#define NAME(w) NAME_(w)

typedef float vec __attribute__((vector_size(4 * W), aligned(4)));
typedef float quad __attribute__((vector_size(16), aligned(4)));

static int m, n, k;
static float *a, *b, *c;

static inline vec at(const float *p) { return *(const vec *)p; }

/* rows of one column: vectors run along K, two partial sums a row. */
static void column(void) {
	for (int i = 0; i < m; i += 4) {
		vec s[4][2] = {{{0}}};
		int step = 0;
		for (; step + 2 * W <= k; step += 2 * W)
			for (int h = 0; h < 2; h++)
				for (int r = 0; r < 4; r++)
					s[r][h] += at(a + (size_t)(i + r) * k + step + h * W) * at(b + step + h * W);
		for (int r = 0; r < 4; r++) {
			vec t = s[r][0] + s[r][1];
			float sum = 0;
			for (int l = 0; l < W; l++)
				sum += t[l];
			for (int rest = step; rest < k; rest++)
				sum += a[(size_t)(i + r) * k + rest] * b[rest];
			c[i + r] = sum;
		}
	}
}

/* rows of four columns: a vector is one step of B, and each row has three partial sums, so twelve chains in all. */
static void four(void) {
	for (int i = 0; i < m; i += 4) {
		quad s[4][3] = {{{0}}};
		const float *row[4];
		int step = 0;
		for (int r = 0; r < 4; r++)
			row[r] = a + (size_t)(i + r) * k;
		for (; step + 3 <= k; step += 3)
			for (int h = 0; h < 3; h++)
				for (int r = 0; r < 4; r++)
					s[r][h] += row[r][step + h] * *(const quad *)(b + 4 * (step + h));
		for (; step < k; step++)
			for (int r = 0; r < 4; r++)
				s[r][0] += row[r][step] * *(const quad *)(b + 4 * step);
		for (int r = 0; r < 4; r++)
			*(quad *)(c + 4 * (i + r)) = s[r][0] + s[r][1] + s[r][2];
	}
}

/* rows of 16 columns, each alone: eight vectors of partial sums. */
#define COLS (16 / W)
#define SPLIT (8 / COLS)
static void sixteen(void) {
	for (int i = 0; i < m; i++) {
		vec s[SPLIT][COLS] = {{{0}}};
		int step = 0;
		const float *row = a + (size_t)i * k;
		for (; step + SPLIT <= k; step += SPLIT)
			for (int h = 0; h < SPLIT; h++)
				for (int j = 0; j < COLS; j++)
					s[h][j] += row[step + h] * at(b + 16 * (step + h) + j * W);
		for (int j = 0; j < 16; j++) {
			float sum = 0;
			for (int h = 0; h < SPLIT; h++)
				sum += s[h][j / W][j % W];
			for (int rest = step; rest < k; rest++)
				sum += row[rest] * b[16 * rest + j];
			c[16 * i + j] = sum;
		}
	}
}

static void (*product)(void);

static const char *load(const char *kind, int count, const double *argument) {
	free(a), free(b), free(output);
	a = b = NULL, output = NULL;
	if (count != 3 || strcmp(kind, "matmul") != 0)
		return "no such work";
	m = argument[0], n = argument[1], k = argument[2];
	product = n == 16 ? sixteen : m % 4 != 0 ? NULL : n == 1 ? column : n == 4 ? four : NULL;
	if (product == NULL)
		return "no free-order kernel of that shape";
	a = read_all("a", (size_t)4 * m * k);
	b = read_all("b", (size_t)4 * k * n);
	output_bytes = (size_t)4 * m * n;
	output_type = "float32";
	if (a == NULL || b == NULL || posix_memalign(&output, 64, output_bytes) != 0)
		return "cannot read the data";
	c = output;
	return NULL;
}

static void work(void) { product(); }

int main(void) { return serve("free order", NAME(W) " lanes, K split so that no multiply-add waits for another"); }
