# SPDX-License-Identifier: MIT
set(VIT158_ENGINE_SOURCES
    src/engine/attention.c
    src/engine/attention_int.c
    src/engine/block.c
    src/engine/embed.c
    src/engine/forward.c
    src/engine/head.c
    src/engine/linear.c
    src/engine/merge.c
    src/engine/merge_schedule.c
    src/engine/plan.c
    src/engine/program.c
    src/engine/rollout.c
    src/engine/watch.c)
