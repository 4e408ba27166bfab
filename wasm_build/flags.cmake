# SPDX-License-Identifier: MIT
# Compiler and linker flags of the modules, each with its reason.

# CMake's own -O3 would override the choice per part below.
set(CMAKE_C_FLAGS_RELEASE "-DNDEBUG")

set(VIT158_WASM_COMPILE_FLAGS
    # stb and other header-only Debian packages lie in /usr/include; after Emscripten's own headers,
    # because -I/usr/include would shadow its libc with glibc's.
    "SHELL:-idirafter /usr/include"
    # The same bytes wherever the tree lies: no absolute paths in the objects.
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
    # 1.5 kB: nothing in JavaScript observes a pass (src/vit158_observe.h).
    -DVIT158_NO_OBSERVER=1)

# Everything but the hot loops: half the size of -O3, and no time is spent there.
set(VIT158_WASM_SMALL_FLAGS -Oz)
# Kernels and pixel loops.
set(VIT158_WASM_FAST_FLAGS -O3)
# libwebp.
set(VIT158_WASM_OTHERS_FLAGS -O2)

set(VIT158_WASM_LINK_FLAGS
    # Not wasm-opt's own levels: loads next to each other cost V8 registers, and the table kernel is 4 %
    # slower after -O2 or -O3. wasm-ld removes dead code anyway.
    -O1
    # A library: no main, and no JavaScript from Emscripten, because the output is a .wasm.
    --no-entry
    # Memory grows by what a model needs; without growth it would have to be reserved for the
    # largest. Growth by sbrk in a stand-alone module is exact to a page (no geometric steps).
    "SHELL:-s ALLOW_MEMORY_GROWTH=1"
    # A third of dlmalloc's size; the engine makes few, large, long-lived allocations.
    "SHELL:-s MALLOC=emmalloc"
    # Nothing reads errno.
    "SHELL:-s SUPPORT_ERRNO=0"
    # The stack lies below the data, so overflowing it traps instead of corrupting data.
    -Wl,--stack-first)

# Passes of wasm-opt, in this order: 3 to 4 kB less an engine module, and no kernel slower (CPU time of
# interleaved calls, 0.96 to 1.02). Not among them: --inlining, which would undo VIT158_INNER, and
# --simplify-locals, which moves loads next to each other.
string(JOIN "," passes
    --shrink-level=2 --optimize-level=2 --optimize-instructions --remove-unused-brs
    --remove-unused-names --merge-blocks --precompute --coalesce-locals --reorder-locals --vacuum
    --rse --vacuum --code-folding --merge-blocks --remove-unused-names --vacuum --dae
    --duplicate-function-elimination --reorder-functions --strip-producers)
set(VIT158_WASM_OPT_LINK_FLAGS "SHELL:-s BINARYEN_EXTRA_PASSES='${passes}'")

# The threads module: atomic instructions, and a memory that JavaScript makes and shares. Emscripten's
# -pthread would want its own JavaScript; these are the parts of it that a pure module needs.
set(VIT158_WASM_THREADS_FLAGS -matomics -mbulk-memory -mmutable-globals)
set(VIT158_WASM_THREADS_LINK_FLAGS
    -matomics -mbulk-memory -mmutable-globals
    -Wl,--shared-memory
    "SHELL:-s IMPORTED_MEMORY=1"
    # What the module accepts at most; JavaScript makes the memory with a maximum of its own, fitted
    # to the model, because browsers reserve it.
    "SHELL:-s MAXIMUM_MEMORY=2147418112"
    # Each worker gets a stack of its own.
    -Wl,--export=__stack_pointer)
