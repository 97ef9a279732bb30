"""The Python peers: worker.py numpy|sklearn|faiss|torch THREADS. workers.go says what each line means."""

import os
import sys
import time

# Libraries print where they like; the protocol has a descriptor of its own.
channel = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def say(*fields):
    channel.write("\t".join(str(f).replace("\t", " ").replace("\n", " ") for f in fields) + "\n")


peer, threads = sys.argv[1], int(sys.argv[2])
try:
    import numpy as np

    if peer == "sklearn":
        import sklearn
        from sklearn.cluster import KMeans
        from sklearn.metrics import pairwise_distances_argmin_min
    elif peer == "faiss":
        import faiss
    elif peer == "torch":
        import torch
except ImportError as e:
    say("missing", e)
    sys.exit(0)


def blas_kernel():
    """The BLAS kernels that threadpoolctl finds in this process."""
    try:
        import threadpoolctl
    except ImportError:
        return "BLAS kernel unknown without threadpoolctl"
    found = [
        f"{p['internal_api']} {p['version']} {p.get('architecture', '')}, {p['num_threads']} threads"
        for p in threadpoolctl.threadpool_info()
        if p["user_api"] == "blas"
    ]
    return "; ".join(found) or "no BLAS that threadpoolctl knows"


if peer == "torch":
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    engines = torch.backends.quantized.supported_engines
    engine = next((e for e in ("fbgemm", "onednn", "qnnpack") if e in engines), "none")
    if engine != "none":
        torch.backends.quantized.engine = engine
    version = f"PyTorch {torch.__version__}"
    capability = next((s.split(":")[1].strip() for s in torch.__config__.show().splitlines() if "CPU capability" in s), "unknown")
    kernel = f"{capability}, {torch.get_num_threads()} threads, int8 engine {engine}, {blas_kernel()}"
elif peer == "faiss":
    faiss.omp_set_num_threads(threads)
    build = "AVX2 build" if getattr(faiss.loader, "has_AVX2", False) else "build without AVX2"
    version, kernel = f"FAISS {faiss.__version__}", f"{build}, {faiss.omp_get_max_threads()} threads, {blas_kernel()}"
elif peer == "sklearn":
    version, kernel = f"scikit-learn {sklearn.__version__}", blas_kernel()
else:
    version, kernel = f"NumPy {np.__version__}", blas_kernel()


def read(name, dtype, *shape):
    return np.fromfile(name, dtype).reshape(shape)


# Each work returns (run, result): run does it once, result gives the last run's output.


def matmul(dtype, m, n, k):
    a, b, c = read("a", dtype, m, k), read("b", dtype, k, n), np.zeros((m, n), dtype)
    if peer == "numpy":
        return lambda: np.matmul(a, b, out=c), lambda: c
    a, b, t = torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(c)
    return lambda: torch.matmul(a, b, out=t), lambda: c


def nearest(n, d, k):
    x, c = read("x", np.float32, n, d), read("c", np.float32, k, d)
    if peer == "sklearn":
        last = []

        def run():
            last[:] = pairwise_distances_argmin_min(x, c)

        return run, lambda: last[0].astype(np.int32)
    index = faiss.IndexFlatL2(d)
    index.add(c)
    distance, label = np.zeros((n, 1), np.float32), np.zeros((n, 1), np.int64)
    return lambda: index.search(x, 1, D=distance, I=label), lambda: label.astype(np.int32)


def lloyd(n, d, k, iterations):
    x, c = read("x", np.float32, n, d), read("c", np.float32, k, d)
    last = []
    if peer == "sklearn":

        def run():
            model = KMeans(k, init=c, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")
            last[:] = [model.fit(x).cluster_centers_]

    else:

        def run():
            model = faiss.Kmeans(d, k, niter=iterations, max_points_per_centroid=n, min_points_per_centroid=1)
            model.train(x, init_centroids=c)
            last[:] = [model.centroids]

    return run, lambda: np.asarray(last[0], np.float32)


def softmax(rows, cols):
    x = torch.from_numpy(read("x", np.float32, rows, cols))
    y = torch.zeros_like(x)
    return lambda: torch.softmax(x, 1, out=y), lambda: y.numpy()


def draw(rows, cols):
    x = torch.from_numpy(read("x", np.float32, rows, cols))
    y, index = torch.zeros_like(x), torch.zeros((rows, 1), dtype=torch.int64)
    torch.manual_seed(1)

    def run():
        torch.softmax(x, 1, out=y)
        torch.multinomial(y, 1, out=index)

    return run, lambda: index.numpy().astype(np.int32)


def qmatmul(m, n, k, scale_a, scale_b, scale_c):
    if engine == "none":
        raise ValueError("this PyTorch has no int8 engine")
    a = torch.from_numpy(read("a", np.int8, m, k).astype(np.float32) * np.float32(scale_a))
    b = torch.from_numpy(np.ascontiguousarray(read("b", np.int8, k, n).T.astype(np.float32) * np.float32(scale_b)))
    weights = torch.ops.quantized.linear_prepack(torch.quantize_per_tensor(b, scale_b, 0, torch.qint8), None)
    last = []

    def run():
        last[:] = [torch.ops.quantized.linear_dynamic(a, weights, False)]

    return run, lambda: last[0].numpy()


def load(kind, arguments):
    sizes = [int(float(v)) for v in arguments]
    works = {
        ("numpy", "matmul"): lambda: matmul(np.float32, *sizes),
        ("numpy", "cmatmul"): lambda: matmul(np.complex64, *sizes),
        ("torch", "matmul"): lambda: matmul(np.float32, *sizes),
        ("torch", "cmatmul"): lambda: matmul(np.complex64, *sizes),
        ("sklearn", "nearest"): lambda: nearest(*sizes),
        ("faiss", "nearest"): lambda: nearest(*sizes),
        ("sklearn", "lloyd"): lambda: lloyd(*sizes),
        ("faiss", "lloyd"): lambda: lloyd(*sizes),
        ("torch", "softmax"): lambda: softmax(*sizes),
        ("torch", "draw"): lambda: draw(*sizes),
        ("torch", "qmatmul"): lambda: qmatmul(*sizes[:3], *(float(v) for v in arguments[3:])),
    }
    return works[peer, kind]()


say("ready", version, kernel)
run = result = None
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "load":
            run = result = None
            run, result = load(words[1], words[2:])
            say("ok")
        elif words[0] == "run":
            for _ in range(int(words[2])):
                run()
            start = time.perf_counter()
            for _ in range(int(words[1])):
                run()
            say("seconds", f"{time.perf_counter() - start:.9f}")
        elif words[0] == "result":
            out = np.ascontiguousarray(result())
            out.tofile(words[1])
            say("ok", "float32" if out.dtype == np.complex64 else out.dtype)
        elif words[0] == "quit":
            break
        else:
            say("error", f"no request {words[0]}")
    except Exception as e:  # the harness reports it and goes on without this peer
        say("error", f"{type(e).__name__}: {e}")
