/* OpenBLAS: the float32 and the complex64 product. */
#include <cblas.h>

#include "protocol.h"

static int m, n, k, is_complex;
static void *a, *b;

static const char *load(const char *kind, int count, const double *argument) {
	size_t element;
	free(a), free(b), free(output);
	a = b = output = NULL;
	if (count != 3 || (strcmp(kind, "matmul") != 0 && strcmp(kind, "cmatmul") != 0))
		return "no such work";
	m = argument[0], n = argument[1], k = argument[2];
	is_complex = kind[0] == 'c';
	element = is_complex ? 8 : 4;
	a = read_all("a", element * m * k);
	b = read_all("b", element * k * n);
	output_bytes = element * m * n;
	output_type = "float32";
	if (a == NULL || b == NULL || posix_memalign(&output, 64, output_bytes) != 0)
		return "cannot read the data";
	memset(output, 0, output_bytes);
	return NULL;
}

static void work(void) {
	const float one[2] = {1, 0}, zero[2] = {0, 0};
	if (is_complex)
		cblas_cgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, one, a, k, b, n, zero, output, n);
	else
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, output, n);
}

int main(void) {
	char version[256], kernel[128];
	const char *config = openblas_get_config();
	/* "OpenBLAS 0.3.21 DYNAMIC_ARCH ...": the first two words are enough. */
	const char *space = strchr(config, ' ');
	const char *end = space == NULL ? NULL : strchr(space + 1, ' ');
	snprintf(version, sizeof version, "%.*s", end == NULL ? 200 : (int)(end - config), config);
	snprintf(kernel, sizeof kernel, "%s, %d threads", openblas_get_corename(), openblas_get_num_threads());
	return serve(version, kernel);
}
