# SPDX-License-Identifier: MIT
set(VIT158_BASE_SOURCES
    src/base/arena.c
    src/base/crc32.c
    src/base/error.c
    src/base/parallel.c
    src/base/planes.c
    src/base/sha256.c
    src/base/shortest.c
    src/base/text.c)
# Used by tools, tests and the trainer; not in the wasm modules.
set(VIT158_BASE_NATIVE_SOURCES
    src/base/clock.c
    src/base/file.c
    src/base/file_problem.c
    src/base/folder.c
    src/base/rng.c)
# The shared pool: native builds and the threads wasm module.
set(VIT158_POOL_SOURCES
    src/base/pool.c
    src/base/sharing.c)
set(VIT158_POOL_NATIVE_SOURCES
    src/base/threads.c
    src/base/wait_pthread.c)
set(VIT158_POOL_WASM_SOURCES
    src/base/wait_wasm.c)
