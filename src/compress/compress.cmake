# SPDX-License-Identifier: MIT
# Post-training quantization: a native library on top of the trainer's arithmetic.
add_library(vit158_compress
  src/compress/activation_range.c
  src/compress/allocate.c
  src/compress/capture.c
  src/compress/cholesky.c
  src/compress/compress_parts.c
  src/compress/compress_ptq.c
  src/compress/compress_run.c
  src/compress/distil.c
  src/compress/ends.c
  src/compress/fresh_views.c
  src/compress/input_queue.c
  src/compress/latent.c
  src/compress/layer_round.c
  src/compress/layer_train.c
  src/compress/module.c
  src/compress/moments.c
  src/compress/nuclear.c
  src/compress/obs.c
  src/compress/omega.c
  src/compress/part_net.c
  src/compress/prune.c
  src/compress/prune_layer.c
  src/compress/pruned_file.c
  src/compress/ptq_product.c
  src/compress/ptq_run.c
  src/compress/ptq_simulate.c
  src/compress/ptq_vit.c
  src/compress/quantized_file.c
  src/compress/quantizer.c
  src/compress/rebuild.c
  src/compress/rebuild_parallel.c
  src/compress/rebuild_state.c
  src/compress/round_row.c
  src/compress/rounded.c
  src/compress/row_sums.c
  src/compress/sensitivity.c
  src/compress/shadow.c
  src/compress/similarity.c
  src/compress/step_search.c
  src/compress/streams.c
  src/compress/worth.c)
target_compile_options(vit158_compress PRIVATE -O3 ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(vit158_compress PUBLIC vit158_train)
