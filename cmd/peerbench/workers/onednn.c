/* oneDNN 2: the int8 product with int8 output, weights packed beforehand, one scale. */
#include <dnnl.h>

#include "protocol.h"

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_primitive_t product;
static dnnl_exec_arg_t operands[3];
static void *a, *b;

#define TRY(call) \
	do { \
		if ((call) != dnnl_success) \
			return "oneDNN refuses: " #call; \
	} while (0)

static const char *load(const char *kind, int count, const double *argument) {
	dnnl_memory_desc_t am, bm, packed, cm;
	dnnl_matmul_desc_t d;
	dnnl_primitive_desc_t pd, rd;
	dnnl_primitive_attr_t attr;
	dnnl_primitive_t reorder;
	dnnl_memory_t source, weights, plain, result;
	float scale;
	if (count != 6 || strcmp(kind, "qmatmul") != 0)
		return "no such work";
	dnnl_dim_t m = argument[0], n = argument[1], k = argument[2];
	scale = argument[3] * argument[4] / argument[5];
	dnnl_dim_t as[2] = {m, k}, bs[2] = {k, n}, cs[2] = {m, n};
	free(a), free(b), free(output);
	output = NULL;
	a = read_all("a", m * k);
	b = read_all("b", k * n);
	output_bytes = m * n;
	output_type = "int8";
	if (a == NULL || b == NULL || posix_memalign(&output, 64, output_bytes) != 0)
		return "cannot read the data";
	TRY(dnnl_memory_desc_init_by_tag(&am, 2, as, dnnl_s8, dnnl_ab));
	TRY(dnnl_memory_desc_init_by_tag(&bm, 2, bs, dnnl_s8, dnnl_ab));
	TRY(dnnl_memory_desc_init_by_tag(&packed, 2, bs, dnnl_s8, dnnl_format_tag_any));
	TRY(dnnl_memory_desc_init_by_tag(&cm, 2, cs, dnnl_s8, dnnl_ab));
	TRY(dnnl_matmul_desc_init(&d, &am, &packed, NULL, &cm));
	TRY(dnnl_primitive_attr_create(&attr));
	TRY(dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale));
	TRY(dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL));
	packed = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
	TRY(dnnl_memory_create(&source, &am, engine, a));
	TRY(dnnl_memory_create(&plain, &bm, engine, b));
	TRY(dnnl_memory_create(&weights, &packed, engine, DNNL_MEMORY_ALLOCATE));
	TRY(dnnl_memory_create(&result, &cm, engine, output));
	TRY(dnnl_reorder_primitive_desc_create(&rd, &bm, engine, &packed, engine, NULL));
	TRY(dnnl_primitive_create(&reorder, rd));
	dnnl_exec_arg_t pack[2] = {{DNNL_ARG_FROM, plain}, {DNNL_ARG_TO, weights}};
	TRY(dnnl_primitive_execute(reorder, stream, 2, pack));
	TRY(dnnl_stream_wait(stream));
	TRY(dnnl_primitive_create(&product, pd));
	operands[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, source};
	operands[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, weights};
	operands[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, result};
	return NULL;
}

static void work(void) {
	if (dnnl_primitive_execute(product, stream, 3, operands) != dnnl_success || dnnl_stream_wait(stream) != dnnl_success)
		exit(1);
}

int main(void) {
	char version[64], kernel[128];
	const dnnl_version_t *v = dnnl_version();
	if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
	    dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success) {
		printf("missing\toneDNN has no CPU engine\n");
		return 0;
	}
	snprintf(version, sizeof version, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
	/* Without VNNI it sums two products of int8 in int16, which saturates: oneDNN's guide, "Nuances of int8 Computations". */
	dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
	int saturates = isa == dnnl_cpu_isa_sse41 || isa == dnnl_cpu_isa_avx || isa == dnnl_cpu_isa_avx2 || isa == dnnl_cpu_isa_avx512_core;
	snprintf(kernel, sizeof kernel, "%s, instruction set %#x%s", v->cpu_runtime == DNNL_RUNTIME_OMP ? "OpenMP" : "not OpenMP",
	         (unsigned)isa, saturates ? ", whose sums of two products saturate at 16 bits" : "");
	return serve(version, kernel);
}
