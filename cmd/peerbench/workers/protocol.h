/* The worker's side of the protocol; workers.go has the other and says what each line means. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a worker supplies. load returns NULL or what is wrong; work does the loaded work once. */
static const char *load(const char *kind, int count, const double *argument);
static void work(void);
static void *output;
static size_t output_bytes;
static const char *output_type; /* "float32" or "int8" */

/* read_all returns a file's bytes, aligned to 64, or NULL where its size is not the one expected. */
static void *read_all(const char *path, size_t bytes) {
	void *p = NULL;
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	if (posix_memalign(&p, 64, bytes + 64) != 0 || fread(p, 1, bytes, f) != bytes || fgetc(f) != EOF) {
		free(p);
		p = NULL;
	}
	fclose(f);
	return p;
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* serve answers one request a line until there are no more. */
static int serve(const char *version, const char *kernel) {
	static char line[4096];
	printf("ready\t%s\t%s\n", version, kernel);
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		char *word = strtok(line, " \n");
		if (word == NULL)
			continue;
		if (strcmp(word, "load") == 0) {
			double argument[8];
			int count = 0;
			const char *kind = strtok(NULL, " \n"), *wrong;
			for (char *a; count < 8 && (a = strtok(NULL, " \n")) != NULL;)
				argument[count++] = atof(a);
			wrong = kind == NULL ? "load what?" : load(kind, count, argument);
			if (wrong != NULL)
				printf("error\t%s\n", wrong);
			else
				printf("ok\n");
		} else if (strcmp(word, "run") == 0) {
			const char *reps = strtok(NULL, " \n"), *warm = strtok(NULL, " \n");
			double start;
			for (int i = warm == NULL ? 0 : atoi(warm); i > 0; i--)
				work();
			start = now();
			for (int i = reps == NULL ? 1 : atoi(reps); i > 0; i--)
				work();
			printf("seconds\t%.9f\n", now() - start);
		} else if (strcmp(word, "result") == 0) {
			const char *path = strtok(NULL, " \n");
			FILE *f = path == NULL ? NULL : fopen(path, "wb");
			if (f == NULL || fwrite(output, 1, output_bytes, f) != output_bytes)
				printf("error\tcannot write the result\n");
			else
				printf("ok\t%s\n", output_type);
			if (f != NULL)
				fclose(f);
		} else if (strcmp(word, "quit") == 0) {
			return 0;
		} else {
			printf("error\tno request %s\n", word);
		}
		fflush(stdout);
	}
	return 0;
}
