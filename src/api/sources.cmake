# SPDX-License-Identifier: MIT
set(VIT158_API_SOURCES
    src/api/observe.c
    src/api/pool_choice.c
    src/api/run.c
    src/api/session.c
    src/api/state_hash.c
    src/api/status.c)
