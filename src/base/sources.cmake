set(VIT158_BASE_SOURCES
    src/base/arena.c
    src/base/error.c
    src/base/parallel.c
    src/base/text.c)
# Used by tools, tests and the trainer; not in the wasm modules.
set(VIT158_BASE_NATIVE_SOURCES
    src/base/clock.c
    src/base/rng.c
    src/base/sha256.c)
